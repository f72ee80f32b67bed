%% Start and end of the port itself.

-module(end_tests).
-export([shutdown_is_prompt/1, shutdown_of_many_is_prompt/1,
         closing_the_port_ends_it_with_0/1, sigterm_ends_it_with_1/1, sigint_ends_it_with_1/1,
         a_second_signal_does_not_stop_the_clean_up/1,
         sighup_is_ignored/1, a_frame_that_is_no_request_ends_it_with_0/1,
         a_cut_frame_ends_it_with_0/1, a_vm_that_is_killed_leaves_nothing/1,
         stubborn_children_are_killed_in_time/1, alarm_bounds_the_clean_up/1,
         a_kill_command_is_let_finish_at_the_end/1, kill_commands_are_run_at_the_end/1, a_hanging_kill_command_does_not_outlive_it/1,
         an_orphan_is_reaped/1, its_group_does_not_outlive_it/1, nor_does_it_outlive_its_sigkill/1, frames_on_descriptors_3_and_4/1,
         words_it_does_not_know_are_ignored/1, reasons_not_to_start_are_exit_codes/1]).

-define(SLEEP, "echo ready; exec sleep 1000").
-define(STUBBORN, "trap '' TERM; " ?SLEEP).

shutdown_is_prompt(P) -> ends_promptly(P, 1, 100).
shutdown_of_many_is_prompt(P) -> ends_promptly(P, 200, 500).

ends_promptly(P, Count, Milliseconds) ->
    os_process:prompt(Milliseconds, fun() ->
        Own = exec_port:start(P),
        OsPids = [started(Own, ?SLEEP, []) || _ <- lists:seq(1, Count)],
        Time = os_process:elapsed(fun() ->
            exec_port:shutdown(Own),
            0 = exec_port:exit_code(Own)
        end),
        true = lists:all(fun is_gone/1, OsPids),
        Time
    end).

%% What a closed port exits with is not told to the VM: the shell around it writes it down.
closing_the_port_ends_it_with_0(#{dir := Directory, env := Env} = P) ->
    File = filename:join(Directory, "exit code"),
    Own = exec_port:start(P#{shell => "\"$@\"; echo $? >\"$FILE.new\"; mv \"$FILE.new\" \"$FILE\"",
                             env => [{"FILE", File} | Env]}),
    OsPids = [started(Own, ?SLEEP, []) || _ <- [1, 2, 3]],
    exec_port:close(Own),
    os_process:until(fun() -> filelib:is_file(File) end),
    {ok, <<"0\n">>} = file:read_file(File),
    true = lists:all(fun is_gone/1, OsPids).

sigterm_ends_it_with_1(P) -> signal_ends_it(P, "TERM").
sigint_ends_it_with_1(P) -> signal_ends_it(P, "INT").

signal_ends_it(P, Signal) ->
    OsPids = [started(P, Command, [{kill_timeout, 0}]) || Command <- [?SLEEP, ?STUBBORN]],
    os_process:signal(exec_port:os_pid(P), Signal),
    1 = exec_port:exit_code(P),
    true = lists:all(fun is_gone/1, OsPids).

a_second_signal_does_not_stop_the_clean_up(P) ->
    OsPid = started(P, ?STUBBORN, [{kill_timeout, 1}]),
    Willing = started(P, ?SLEEP, []),
    os_process:signal(exec_port:os_pid(P), "TERM"),
    os_process:until(fun() -> is_gone(Willing) end), % it has begun
    os_process:signal(exec_port:os_pid(P), "TERM"),
    1 = exec_port:exit_code(P),
    true = is_gone(OsPid).

sighup_is_ignored(P) ->
    os_process:signal(exec_port:os_pid(P), "HUP"),
    {0, <<"lives\n">>, <<>>} = exec_port:outcome(P, "echo lives", [stdout]).

a_frame_that_is_no_request_ends_it_with_0(P) ->
    Frames = [<<>>, <<131>>, <<130, 97, 1>>, <<"garbage">>, binary:copy(<<131>>, 65535),
              <<(term_to_binary({1, {list}}))/binary, 0>>,
              binary_part(term_to_binary({1, {run, "true", []}}), 0, 12),
              term_to_binary({1, {list}}, [compressed]), <<131, 80, 0, 0, 255, 255, 1, 2, 3>>]
             ++ [term_to_binary(T) || T <- [5, [], {}, {1}, {1, list}, {1, {}}, {foo, {list}},
                                            {1, {list}, 2}, {1 bsl 64, {list}}, [1, {list}]]],
    % One is short enough not to be compressed.
    [ends_with_0(P, Frame) || Frame <- Frames, Frame =/= term_to_binary({1, {list}})].

ends_with_0(P, Frame) ->
    Own = exec_port:start(P),
    OsPid = started(Own, ?SLEEP, []),
    exec_port:send_frame(Own, Frame),
    0 = exec_port:exit_code(Own),
    true = is_gone(OsPid),
    [] = exec_port:faults(Own).

%% What came before it is done and answered.
a_cut_frame_ends_it_with_0(#{path := Path, args := Args, env := Env, dir := Directory}) ->
    Input = filename:join(Directory, "input"),
    Frames = [frame({1, {run, ?SLEEP, [stdout]}}), frame({2, {fly}})],
    Cut = binary_part(frame({3, {run, "sleep 1001", []}}), 0, 20),
    [begin
         ok = file:write_file(Input, [Frames, End]),
         {0, Output} = os_process:run("/bin/sh", ["-c", Script, Input, Path | Args], [{env, Env}]),
         [{1, {pid, OsPid}} | Others] = frames(Output),
         [{2, {error, "Unknown command: fly"}}] = Others -- [{0, {stdout, OsPid, <<"ready\n">>}}],
         true = is_gone(OsPid)
     end || Script <- ["\"$@\" <\"$0\"", "cat \"$0\" | \"$@\""], End <- [<<>>, <<0>>, Cut]].

a_vm_that_is_killed_leaves_nothing(P) ->
    os_process:prompt(2500, fun() ->
        Vm = open_port({spawn_executable, os:find_executable("erl")},
                       [{args, victim:arguments(maps:remove(server, P))}, {line, 10000},
                        exit_status]),
        {os_pid, VmPid} = erlang:port_info(Vm, os_pid),
        {Port, OsPids} = receive {Vm, {data, {eol, Line}}} -> parse(Line) end,
        20 = length(OsPids),
        false = lists:any(fun is_gone/1, [Port | OsPids]),
        Time = os_process:elapsed(fun() ->
            os_process:signal(VmPid, "KILL"),
            os_process:until(fun() -> lists:all(fun is_gone/1, [Port | OsPids]) end)
        end),
        true = Time >= 1000,
        Time
    end).

stubborn_children_are_killed_in_time(P) ->
    os_process:prompt(1150, fun() ->
        Own = exec_port:start(P),
        OsPids = [started(Own, ?STUBBORN, [{kill_timeout, 1}]) || _ <- [1, 2, 3]],
        shutdown_time(Own, OsPids)
    end).

%% The children's own timeout is 5 seconds.
alarm_bounds_the_clean_up(#{args := Args} = P) ->
    os_process:prompt(1150, fun() ->
        Own = exec_port:start(P#{args => Args ++ ["-alarm", "1"]}),
        shutdown_time(Own, [started(Own, ?STUBBORN, []), started(Own, ?SLEEP, [])])
    end).

shutdown_time(P, OsPids) ->
    Time = os_process:elapsed(fun() ->
        exec_port:shutdown(P),
        0 = exec_port:exit_code(P)
    end),
    true = Time >= 1000,
    true = lists:all(fun is_gone/1, OsPids),
    Time.

%% Also what it does after that: lock files are removed there.
a_kill_command_is_let_finish_at_the_end(#{dir := Directory} = P) ->
    File = filename:join(Directory, "cleaned"),
    Own = exec_port:start(P),
    Command = "kill $CHILD_PID; sleep 0.5; echo done >'" ++ File ++ "'",
    started(Own, ?SLEEP, [{kill, Command}]),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own),
    {ok, <<"done\n">>} = file:read_file(File).

kill_commands_are_run_at_the_end(#{dir := Directory} = P) ->
    File = filename:join(Directory, "told"),
    Command = "echo $CHILD_PID >'" ++ File ++ "'; kill -9 $CHILD_PID",
    OsPid = started(P, ?STUBBORN, [{kill, Command}]),
    exec_port:shutdown(P),
    0 = exec_port:exit_code(P),
    {ok, Told} = file:read_file(File),
    OsPid = binary_to_integer(string:trim(Told)).

%% The runner finds what is left.
a_hanging_kill_command_does_not_outlive_it(P) ->
    OsPid = started(P, ?SLEEP, [{kill, "kill $CHILD_PID; sleep 1000; true"}, {kill_timeout, 1}]),
    exec_port:shutdown(P),
    0 = exec_port:exit_code(P),
    true = is_gone(OsPid).

its_group_does_not_outlive_it(P) ->
    Grandchild = left_behind(P),
    exec_port:shutdown(P),
    0 = exec_port:exit_code(P),
    os_process:until(fun() -> is_gone(Grandchild) end).

nor_does_it_outlive_its_sigkill(P) ->
    Grandchild = left_behind(P),
    os_process:signal(exec_port:os_pid(P), "KILL"),
    137 = exec_port:exit_code(P),
    os_process:until(fun() -> is_gone(Grandchild) end).

%% By a command that has ended.
left_behind(P) ->
    {pid, OsPid} = exec_port:run(P, "(trap '' TERM HUP; exec sleep 1000) & echo $!", [stdout]),
    {stdout, Line} = exec_port:next(OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    Grandchild = binary_to_integer(string:trim(Line)),
    false = is_gone(Grandchild),
    Grandchild.

frames_on_descriptors_3_and_4(P) ->
    Own = exec_port:start(P#{descriptors => numbers}),
    {0, <<"out\n">>, <<>>} = exec_port:outcome(Own, "echo out", [stdout]),
    {0, <<"0\n1\n2\n3\n">>, <<>>} =
        exec_port:outcome(Own, ["/bin/ls", "/proc/self/fd"], [stdin, stdout, stderr]),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

words_it_does_not_know_are_ignored(#{args := Args} = P) ->
    Words = ["-root", "true", "-verbose", "true", "--fly", "-", "-x", "word", ""],
    Own = exec_port:start(P#{args => Words ++ Args}),
    [] = exec_port:list(Own),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

reasons_not_to_start_are_exit_codes(P) ->
    {3, _} = program(P, ["-user", "nobody-of-that-name"], []),
    {4, Says} = program(P, [], [{"SHELL", false}]),
    {match, _} = re:run(Says, "SHELL"),
    {4, _} = program(P, [], [{"SHELL", ""}]),
    {0, <<"exec-port", _/binary>>} = program(P, ["--help"], []).

%% The shell has ended before. In many containers nobody else would reap it.
an_orphan_is_reaped(P) ->
    {pid, OsPid} = exec_port:run(P, "(exec 1>&-; read line) <&0 & echo $!", [stdin, stdout]),
    {stdout, Line} = exec_port:next(OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    Orphan = binary_to_integer(string:trim(Line)),
    os_process:until(fun() -> os_process:state(Orphan) =:= none end).

%% Run without a VM at its other end.
program(#{path := Path, args := Args, env := Env}, More, Variables) ->
    Changed = [V || {Name, _} = V <- Env, not lists:keymember(Name, 1, Variables)] ++ Variables,
    os_process:run(Path, Args ++ More, [{env, Changed}, stderr_to_stdout, in]).

started(P, Command, Options) ->
    {pid, OsPid} = exec_port:run(P, Command, [stdout | Options]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    OsPid.

parse(Line) ->
    {ok, Tokens, _} = erl_scan:string(Line),
    {ok, Term} = erl_parse:parse_term(Tokens),
    Term.

frame(Term) ->
    Bytes = term_to_binary(Term),
    <<(byte_size(Bytes)):16, Bytes/binary>>.

frames(<<Size:16, Bytes:Size/binary, Rest/binary>>) -> [binary_to_term(Bytes) | frames(Rest)];
frames(<<>>) -> [].

%% A zombie whom nobody reaps any more does not count.
is_gone(OsPid) -> lists:member(os_process:state(OsPid), [none, "Z"]).
