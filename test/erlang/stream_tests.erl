%% Where output goes.

-module(stream_tests).
-export([outputs_are_told_apart/1, unrequested_output_goes_nowhere/1, a_file_is_truncated/1,
         a_file_can_be_appended_to/1, a_file_gets_its_mode/1, a_file_that_cannot_be_is_refused/1,
         stderr_can_go_to_stdout/1, stdout_can_go_to_stderr/1, stderr_follows_stdout_to_a_file/1,
         references_to_themselves_are_refused/1, an_output_can_be_closed/1,
         output_is_sent_as_it_comes/1, output_comes_before_the_exit/1,
         a_grandchild_does_not_delay_the_exit/1, output_keeps_its_order/1]).

outputs_are_told_apart(P) ->
    {0, <<"out\n">>, <<"err\n">>} =
        exec_port:outcome(P, "echo out; echo err >&2", [stdout, stderr]).

unrequested_output_goes_nowhere(P) ->
    {0, <<>>, <<>>} = exec_port:outcome(P, "echo out; echo err >&2", []),
    {0, <<>>, <<>>} = exec_port:outcome(P, "echo out; echo err >&2",
                                        [{stdout, null}, {stderr, null}]).

a_file_is_truncated(P) ->
    File = file(P),
    ok = file:write_file(File, "much more than before"),
    {0, <<>>, <<"err\n">>} =
        exec_port:outcome(P, "echo out; echo err >&2", [{stdout, File}, stderr]),
    {ok, <<"out\n">>} = file:read_file(File).

a_file_can_be_appended_to(P) ->
    File = file(P),
    ok = file:write_file(File, "before\n"),
    {0, <<>>, <<>>} = exec_port:outcome(P, "echo out; echo err >&2",
                                        [{stdout, File, [append]}, {stderr, File, [append]}]),
    {ok, <<"before\nout\nerr\n">>} = file:read_file(File).

a_file_gets_its_mode(P) ->
    File = file(P),
    {0, <<>>, <<>>} = exec_port:outcome(P, "echo out", [{stdout, File, [{mode, 8#600}]}]),
    {0, <<"600\n">>, <<>>} = exec_port:outcome(P, ["/usr/bin/stat", "-c", "%a", File], [stdout]).

a_file_that_cannot_be_is_refused(P) ->
    {error, "Couldn't start pid: Failed to redirect stdout to file: No such file or directory"} =
        exec_port:run(P, "true", [{stdout, "/nowhere/file"}]),
    {error, "Couldn't start pid: Failed to redirect stdin to file: No such file or directory"} =
        exec_port:run(P, "true", [{stdin, file(P)}]).

stderr_can_go_to_stdout(P) ->
    {0, <<"1\n2\n3\n">>, <<>>} =
        exec_port:outcome(P, "echo 1; echo 2 >&2; echo 3", [stdout, {stderr, stdout}]).

stdout_can_go_to_stderr(P) ->
    {0, <<>>, <<"1\n2\n3\n">>} =
        exec_port:outcome(P, "echo 1; echo 2 >&2; echo 3", [{stdout, stderr}, stderr]).

stderr_follows_stdout_to_a_file(P) ->
    File = file(P),
    {0, <<>>, <<>>} = exec_port:outcome(P, "echo 1; echo 2 >&2; echo 3",
                                        [{stdout, File}, {stderr, stdout}]),
    {ok, <<"1\n2\n3\n">>} = file:read_file(File).

references_to_themselves_are_refused(P) ->
    {error, "self-reference of stdout"} = exec_port:run(P, "true", [{stdout, stdout}]),
    {error, "circular reference of stdout and stderr"} =
        exec_port:run(P, "true", [{stdout, stderr}, {stderr, stdout}]).

an_output_can_be_closed(P) ->
    {0, <<>>, <<"closed\n">>} =
        exec_port:outcome(P, "[ -e /proc/$$/fd/1 ] || echo closed >&2", [{stdout, close}, stderr]).

output_is_sent_as_it_comes(P) ->
    {pid, OsPid} = exec_port:run(P, "while read line; do echo \"<$line>\"; done", [stdin, stdout]),
    [begin
         exec_port:stdin(P, OsPid, <<Line/binary, $\n>>),
         {stdout, <<$<, Line:1/binary, ">\n">>} = exec_port:next(OsPid)
     end || Line <- [<<"a">>, <<"b">>, <<"c">>]],
    exec_port:stdin(P, OsPid, eof),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid).

%% As much as a pipe holds, written by a process that ends while the port does not look.
output_comes_before_the_exit(#{dir := Directory} = P) ->
    Port = exec_port:os_pid(P),
    [begin
         File = filename:join(Directory, integer_to_list(N)),
         Command = "while [ ! -e '" ++ File ++ "' ]; do sleep 0.01; done; "
                   "head -c 65536 /dev/zero; head -c 65536 /dev/zero >&2; exit 3",
         {pid, OsPid} = exec_port:run(P, Command, [stdout, stderr]),
         os_process:signal(Port, "STOP"),
         ok = file:write_file(File, <<>>),
         os_process:until(fun() -> os_process:state(OsPid) =:= "Z" end),
         os_process:signal(Port, "CONT"),
         {768, Out, Err} = exec_port:outcome(OsPid),
         {65536, 65536} = {byte_size(Out), byte_size(Err)},
         [{pid, OsPid} | Events] = exec_port:log(P, OsPid),
         {exit_status, 768} = lists:last(Events)
     end || N <- lists:seq(1, 5)].

%% It keeps both outputs open, and goes on writing to one of them.
a_grandchild_does_not_delay_the_exit(P) ->
    {pid, OsPid} = exec_port:run(P, "yes & echo $! >&2; exit 5", [stdout, stderr]),
    {1280, _, Says} = exec_port:outcome(OsPid),
    Grandchild = binary_to_integer(string:trim(Says)),
    os_process:signal(Grandchild, "KILL").

output_keeps_its_order(P) ->
    Numbers = << <<(integer_to_binary(N))/binary, $\n>> || N <- lists:seq(1, 200000) >>,
    {0, Numbers, <<>>} = exec_port:outcome(P, ["/usr/bin/seq", "200000"], [stdout]).

file(#{dir := Directory}) -> filename:join(Directory, "a file").
