%% What those who run the port in production ask of it: none of this is erlexec's.

-module(operation_tests).
-export([frames_can_be_larger/1, a_frame_without_end_ends_it/1, messages_can_be_kept_small/1,
         input_that_is_not_read_is_bounded/1, who_reads_slowly_gets_all_of_its_input/1,
         who_ends_instead_of_reading_is_not_waited_for/1, who_reads_nothing_holds_up_others_only_once/1,
         messages_go_to_a_file/1, messages_that_cannot_be_written_end_nothing/1, a_log_file_that_cannot_be_is_refused/1, debug_traces_go_to_the_log/1,
         it_tells_what_it_is_doing/1, a_shell_can_be_given/1, bad_values_are_refused/1,
         the_vms_ends_have_to_be_there/1, what_is_ignored_is_told/1,
         a_system_log_that_nobody_reads_is_told/1,
         it_tells_its_version/1, few_descriptors_are_enough/1, descriptors_that_run_out_are_told/1,
         without_a_null_device_it_does_not_start/1]).

frames_can_be_larger(P) ->
    Own = exec_port:start(P#{packet => 4, args => args(P, ["--packet", "4"])}),
    Text = binary:copy(<<"x">>, 100000),
    {0, <<"100000 100000 100000\n">>, <<>>} =
        exec_port:outcome(Own, "echo ${#ONE} ${#TWO} ${#THREE}",
                          [{env, [{Name, Text} || Name <- ["ONE", "TWO", "THREE"]]}, stdout]),
    % Beyond the first buffer, and back to short ones.
    {pid, Cat} = exec_port:run(Own, ["/bin/cat"], [stdin, stdout]),
    exec_port:cast(Own, {stdin, Cat, binary:copy(<<"0123456789">>, 200000)}),
    [exec_port:cast(Own, {stdin, Cat, <<"last">>}) || _ <- [1, 2, 3]],
    exec_port:cast(Own, {stdin, Cat, eof}),
    {0, Copied, <<>>} = exec_port:outcome(Cat),
    2000012 = byte_size(Copied),
    <<"lastlastlast">> = binary:part(Copied, byte_size(Copied), -12),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

%% Its length is taken for garbage, and not for a request to set memory aside.
a_frame_without_end_ends_it(#{dir := Directory, path := Path, env := Env} = P) ->
    Input = filename:join(Directory, "input"),
    ok = file:write_file(Input, <<16#ffffffff:32, "abc">>),
    {0, Output} = os_process:run("/bin/sh", ["-c", "\"$@\" <\"$0\"", Input, Path
                                             | args(P, ["--packet=4"])],
                                 [{env, Env}, stderr_to_stdout]),
    {match, _} = re:run(Output, "a frame of 4294967295 bytes").

messages_can_be_kept_small(P) ->
    Own = exec_port:start(P#{args => args(P, ["--max-chunk", "100"])}),
    {pid, OsPid} = exec_port:run(Own, "head -c 10000 /dev/zero", [stdout]),
    {0, Output, <<>>} = exec_port:outcome(OsPid),
    10000 = byte_size(Output),
    true = lists:all(fun({stdout, Data}) -> byte_size(Data) =< 100; (_) -> true end,
                     exec_port:log(Own, OsPid)),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

input_that_is_not_read_is_bounded(#{dir := Directory} = P) ->
    File = filename:join(Directory, "log"),
    Own = exec_port:start(P#{args => args(P, ["--max-input", "100000", "--log", File])}),
    {pid, OsPid} = exec_port:run(Own, "read line; echo $line; exec cat >/dev/null", [stdin, stdout]),
    exec_port:stdin(Own, OsPid, <<"first\n">>),
    {stdout, <<"first\n">>} = exec_port:next(OsPid),
    {pid, Deaf} = exec_port:run(Own, "echo ready; exec sleep 1000", [stdin, stdout]),
    {stdout, <<"ready\n">>} = exec_port:next(Deaf),
    exec_port:stdin(Own, Deaf, binary:copy(<<"x">>, 2000000)),
    has(File, "process " ++ integer_to_list(Deaf) ++ " does not read its input"),
    exec_port:stdin(Own, OsPid, eof), % nobody else is concerned
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    ok = exec_port:stop(Own, Deaf),
    {0, <<>>, <<>>} = exec_port:outcome(Deaf),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

%% It has no loss to fear, however much it is sent, and in frames of any size: the VM waits for it.
who_reads_slowly_gets_all_of_its_input(P) ->
    [begin
         Own = exec_port:start(Options#{args => args(P, ["--max-input", "8000000" | Args])}),
         Slow = "n=0; echo ready; "
             "while s=$(dd bs=4M count=1 iflag=fullblock 2>/dev/null | wc -c); [ $s -gt 0 ]; "
             "do n=$((n + s)); sleep 0.05; done; echo $n",
         {pid, OsPid} = exec_port:run(Own, ["/bin/sh", "-c", Slow], [stdin, stdout]),
         {stdout, <<"ready\n">>} = exec_port:next(OsPid),
         [exec_port:cast(Own, {stdin, OsPid, binary:copy(<<"x">>, Size)})
          || _ <- lists:seq(1, 24000000 div Size)],
         exec_port:stdin(Own, OsPid, eof),
         {0, <<"24000000\n">>, <<>>} = exec_port:outcome(OsPid),
         exec_port:shutdown(Own),
         0 = exec_port:exit_code(Own)
     end || {Options, Args, Size} <- [{P, [], 60000}, {P#{packet => 4}, ["--packet", "4"], 3000000}]].

%% Not for the second that is granted to a process that reads nothing.
who_ends_instead_of_reading_is_not_waited_for(P) ->
    Own = exec_port:start(P#{args => args(P, ["--max-input", "400000"])}),
    os_process:prompt(900, fun() ->
        Begun = erlang:monotonic_time(millisecond),
        {pid, Deaf} = exec_port:run(Own, "echo ready; sleep 0.2; exit 3", [stdin, stdout]),
        {stdout, <<"ready\n">>} = exec_port:next(Deaf),
        Time = os_process:elapsed(fun() ->
            exec_port:stdin(Own, Deaf, binary:copy(<<"x">>, 390000)),
            {0, <<"one\n">>, <<>>} = exec_port:outcome(Own, "echo one", [stdout])
        end),
        true = erlang:monotonic_time(millisecond) - Begun >= 200, % it is waited for until then
        {768, <<>>, <<>>} = exec_port:outcome(Deaf),
        Time
    end),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

%% However small the pieces are that it is sent.
who_reads_nothing_holds_up_others_only_once(P) ->
    Own = exec_port:start(P#{args => args(P, ["--max-input", "400000"])}),
    {pid, Deaf} = exec_port:run(Own, "echo ready; exec sleep 1000", [stdin, stdout]),
    {stdout, <<"ready\n">>} = exec_port:next(Deaf),
    exec_port:stdin(Own, Deaf, binary:copy(<<"x">>, 300000)),
    [exec_port:stdin(Own, Deaf, <<"x">>) || _ <- lists:seq(1, 3000)],
    {Time, {0, <<"one\n">>, <<>>}} =
        timer:tc(fun() -> exec_port:outcome(Own, "echo one", [stdout]) end),
    true = Time < 20000000, % to wait for each of them would take a minute
    ok = exec_port:stop(Own, Deaf),
    {0, <<>>, <<>>} = exec_port:outcome(Deaf),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

messages_go_to_a_file(#{dir := Directory} = P) ->
    File = filename:join(Directory, "log"),
    Own = exec_port:start(P#{args => args(P, ["--log", File, "--log-level", "info"])}),
    {pid, OsPid} = exec_port:run(Own, ["/bin/sh", "-c", "exit 3", "it's"], []),
    {768, <<>>, <<>>} = exec_port:outcome(OsPid),
    Name = "info: process " ++ integer_to_list(OsPid),
    has(File, Name ++ ": /bin/sh -c 'exit 3' 'it'\\\\''s'"),
    has(File, Name ++ " ended: exit code 3"),
    {256, <<>>, <<>>} = exec_port:outcome(Own, ["/no/such/program"], []),
    has(File, "info: a start fails: cannot execute '/no/such/program': No such file"),
    Stubborn = "trap '' TERM; echo ready; exec sleep 1000",
    {pid, Last} = exec_port:run(Own, Stubborn, [stdout, {kill_timeout, 0}]),
    {stdout, <<"ready\n">>} = exec_port:next(Last),
    ok = exec_port:stop(Own, Last),
    {0, <<>>, <<>>} = exec_port:outcome(Last),
    has(File, "info: process " ++ integer_to_list(Last) ++
              " ended: signal 9 \\(SIGKILL\\), when nothing else had ended it"),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own),
    {0, Mode} = os_process:run("/usr/bin/stat", ["-c", "%a", File], []),
    0 = binary_to_integer(string:trim(Mode), 8) band 8#027.

a_log_file_that_cannot_be_is_refused(P) ->
    {4, Says} = program(P, ["--log", "/nowhere/log"]),
    {match, _} = re:run(Says, "cannot open the log file /nowhere/log: No such file").

debug_traces_go_to_the_log(#{dir := Directory} = P) ->
    File = filename:join(Directory, "log"),
    Own = exec_port:start(P#{args => args(P, ["--log=" ++ File])}),
    {0, <<"out\n">>, <<"err\n">>} =
        exec_port:outcome(Own, "echo out; echo err >&2", [stdout, stderr, {debug, 1}]),
    has(File, "debug: process [0-9]+: shell 'echo out; echo err >&2', stdout erlang"),
    has(File, "debug: process [0-9]+ ended: exit code 0"),
    {ok, 0} = exec_port:debug(Own, 1),
    {0, <<"next\n">>, <<>>} = exec_port:outcome(Own, "echo next", [stdout]),
    has(File, "debug: process [0-9]+: shell 'echo next'"),
    {ok, 1} = exec_port:debug(Own, 2),
    Ending = [kill_group, {kill, "kill it"}, {kill_timeout, 7}, {nice, 1}],
    {pid, OsPid} = exec_port:run(Own, "exec cat", [stdin | Ending]),
    Name = integer_to_list(OsPid),
    ok = exec_port:stdin(Own, OsPid, <<"secret">>),
    {error, "pid not alive"} = exec_port:stop(Own, 999999999),
    ok = exec_port:kill(Own, OsPid, 15),
    {exit_status, 15} = exec_port:next(OsPid),
    has(File, "debug: request [0-9]+: run shell 'exec cat', nice 1, kill 'kill it', "
              "kill_timeout 7, kill_group, stdin erlang"),
    has(File, "debug: request 0: stdin of " ++ Name ++ ": 6 bytes"),
    has(File, "debug: request ([0-9]+): stop 999999999"),
    has(File, "debug: request ([0-9]+) is refused: pid not alive"),
    has(File, "debug: request [0-9]+: kill " ++ Name ++ " with SIGTERM"),
    {ok, Log} = file:read_file(File),
    nomatch = re:run(Log, "secret"),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

it_tells_what_it_is_doing(#{dir := Directory} = P) ->
    File = filename:join(Directory, "log"),
    Own = exec_port:start(P#{args => args(P, ["--log", File])}),
    {pid, OsPid} = exec_port:run(Own, "echo ready; exec sleep 1000", [stdin, stdout]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    os_process:signal(exec_port:os_pid(Own), "USR1"),
    has(File, "info: 1 processes, 1 not told to have ended, 0 bytes wait for the VM"),
    has(File, "info: process " ++ integer_to_list(OsPid) ++
              ": stdin 0, stdout 0 of 6, stderr -\n"),
    os_process:signal(exec_port:os_pid(Own), "USR1"), % and more than once
    os_process:until(fun() -> {ok, Text} = file:read_file(File),
                              {match, All} = re:run(Text, "1 processes", [global]),
                              length(All) =:= 2 end),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

%% A full disk, a reader that has gone, a file that may not grow.
messages_that_cannot_be_written_end_nothing(#{dir := Directory} = P) ->
    File = filename:join(Directory, "log"),
    [begin
         Own = exec_port:start(P#{shell => Shell, args => args(P, Args ++ ["-debug", "1"])}),
         [{0, <<"out\n">>, <<>>} = exec_port:outcome(Own, "echo out", [stdout]) || _ <- [1, 2, 3, 4]],
         exec_port:shutdown(Own),
         0 = exec_port:exit_code(Own)
     end || {Shell, Args} <- [{"exec \"$@\"", ["--log", "/dev/full"]},
                              {"exec \"$@\" 2>/dev/full", []},
                              {"exec \"$@\" 2>&-", []},
                              {"{ \"$@\" 2>&1 1>&3 | :; } 3>&1", []},
                              {"ulimit -f 0; exec \"$@\"", ["--log", File]}]],
    {ok, <<>>} = file:read_file(File).

a_shell_can_be_given(#{env := Env} = P) ->
    Without = lists:keydelete("SHELL", 1, Env) ++ [{"SHELL", false}],
    Own = exec_port:start(P#{env => Without, args => args(P, ["--default-shell", "/bin/sh"])}),
    {0, <<"/bin/sh\n">>, <<>>} = exec_port:outcome(Own, "echo $SHELL", [stdout]),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own),
    {4, Says} = program(P#{env := Without}, ["--default-shell", "/nonexistent/sh"]),
    {match, _} = re:run(Says, "/nonexistent/sh: No such file").

bad_values_are_refused(P) ->
    [begin
         {4, Says} = program(P, Args),
         {match, _} = re:run(Says, hd(Args))
     end || Args <- [["--packet", "3"], ["--packet"], ["--max-chunk", "0"], ["--max-chunk", "x"],
                     ["--max-input", "65534"], ["--log-level", "loud"], ["--log", ""],
                     ["--default-shell", "sh"]]],
    ok.

%% What the port opens must not get the number of one that is missing.
the_vms_ends_have_to_be_there(#{dir := Directory} = P) ->
    File = filename:join(Directory, "log"),
    {4, Says} = program(P, ["-n", "--log", File]),
    {match, _} = re:run(Says, "descriptor 3 is not open"),
    {error, enoent} = file:read_file(File).

what_is_ignored_is_told(P) ->
    [begin
         {0, Says} = program(P, [Option, "x"]),
         {match, _} = re:run(Says, Option ++ " takes a number: 'x' is ignored")
     end || Option <- ["-alarm", "-debug"]],
    {0, Says} = program(P, ["-alarm", "-5"]),
    {match, _} = re:run(Says, "-alarm takes a number: '-5' is ignored"),
    {0, <<>>} = program(P, ["-alarm", "x", "--log-level", "error"]).

%% Where /dev/log is, it is told nothing: the option only has to be taken.
a_system_log_that_nobody_reads_is_told(P) ->
    {0, Says} = program(P, ["--log", "syslog"]),
    case file:read_link_info("/dev/log") of
        {error, enoent} ->
            {match, _} = re:run(Says, "nobody takes messages for the system's log now: No such");
        _ ->
            ok
    end.

it_tells_its_version(P) ->
    {0, Says} = program(P, ["--version"]),
    {match, _} = re:run(Says, "^exec-port [0-9]+\\.[0-9]+\\.[0-9]+\n$").

args(#{args := Args}, More) -> Args ++ More.

program(#{path := Path, env := Env} = P, More) ->
    os_process:run(Path, args(P, More), [{env, Env}, stderr_to_stdout, in]).

has(File, Pattern) ->
    os_process:until(fun() ->
        case file:read_file(File) of
            {ok, Text} -> re:run(Text, Pattern) =/= nomatch;
            {error, enoent} -> false
        end
    end).

few_descriptors_are_enough(P) ->
    Own = exec_port:start(P#{shell => "ulimit -n 20; exec \"$@\"", args => args(P, ["--no-guard"])}),
    {0, <<"out\n">>, <<>>} = exec_port:outcome(Own, "echo out", [stdout]),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

%% Whichever of a start's descriptors is the one too many.
descriptors_that_run_out_are_told(P) ->
    [begin
         Own = exec_port:start(P#{shell => "ulimit -n " ++ integer_to_list(Limit) ++
                                           "; exec \"$@\" 2>/dev/null"}),
         {error, "Couldn't start pid: Failed to create a pipe for stdout: Too many open files"} =
             until_refused(Own),
         exec_port:shutdown(Own),
         0 = exec_port:exit_code(Own)
     end || Limit <- [40, 41, 42, 43]].

until_refused(P) ->
    case exec_port:run(P, ["/bin/sleep", "1000"], [stdout]) of
        {pid, _} -> until_refused(P);
        Refused -> Refused
    end.

without_a_null_device_it_does_not_start(#{path := Path, env := Env} = P) ->
    Mount = "mount -t tmpfs none /dev",
    case os_process:run("/usr/bin/unshare", ["-m", "/bin/sh", "-c", Mount], [stderr_to_stdout]) of
        {0, _} -> ok;
        {_, Why} -> run_tests:skipped(binary_to_list(Why))
    end,
    {10, Says} = os_process:run("/usr/bin/unshare",
                                ["-m", "/bin/sh", "-c", Mount ++ " && exec \"$@\"", "sh",
                                 Path | args(P, [])], [{env, Env}, stderr_to_stdout]),
    {match, _} = re:run(Says, "cannot open /dev/null").
