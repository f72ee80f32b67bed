%% Commands on a pseudo terminal.

-module(pty_tests).
-export([a_terminal_has_24_rows_of_80/1, winsz_is_the_size_of_the_terminal/1,
         the_size_can_be_changed/1, all_output_of_a_terminal_is_stdout/1,
         output_is_stderr_where_only_that_is_asked_for/1,
         eof_ends_the_input_but_not_the_terminal/1,
         echo_is_off_in_all_its_parts_unless_asked_for/1, input_is_not_echoed_unless_asked_for/1,
         stop_ends_a_child_with_a_terminal/1,
         a_terminal_that_was_closed_can_be_opened_again/1]).

-define(IO, [stdin, stdout, stderr]).

a_terminal_has_24_rows_of_80(P) ->
    {0, Output, <<>>} = outcome(P, "tty; stty size", [pty | ?IO]),
    {match, _} = re:run(Output, "^/dev/pts/[0-9]+\r\n24 80\r\n$").

winsz_is_the_size_of_the_terminal(P) ->
    {0, <<"50 132\r\n">>, <<>>} = outcome(P, "stty size", [pty, {winsz, {50, 132}} | ?IO]).

the_size_can_be_changed(P) ->
    OsPid = run(P, "read go; stty size", [pty | ?IO]),
    ok = exec_port:call(P, {winsz, OsPid, 10, 20}),
    exec_port:stdin(P, OsPid, <<"go\n">>),
    {0, <<"10 20\r\n">>, <<>>} = exec_port:outcome(OsPid).

all_output_of_a_terminal_is_stdout(P) ->
    {0, <<"out\r\nerr\r\n">>, <<>>} = outcome(P, "echo out; echo err >&2", [pty | ?IO]).

%% Erlang's side would not know whom to give it to.
output_is_stderr_where_only_that_is_asked_for(P) ->
    [{0, <<>>, <<"err\r\n">>} = outcome(P, "echo err >&2", [pty | Options])
     || Options <- [[stderr], [stdin, stderr], [{stdout, null}, stderr]]],
    {0, <<>>, <<"out\r\nerr\r\n">>} = outcome(P, "echo out; echo err >&2",
                                              [pty, {stdout, stderr}, stderr]).

eof_ends_the_input_but_not_the_terminal(P) ->
    OsPid = run(P, "cat; echo rest", [pty | ?IO]),
    exec_port:stdin(P, OsPid, <<"line\n">>),
    {stdout, <<"line\r\n">>} = exec_port:next(OsPid),
    exec_port:stdin(P, OsPid, eof),
    {0, <<"rest\r\n">>, <<>>} = exec_port:outcome(OsPid).

echo_is_off_in_all_its_parts_unless_asked_for(P) ->
    [{0, Modes, <<>>} = outcome(P, "stty -a | grep -ow -e '-*echo[a-z]*' | head -n 4 | tr '\\n' ' '",
                                [pty | Options])
     || {Options, Modes} <- [{?IO, <<"-echo -echoe -echok -echonl ">>},
                             {[pty_echo | ?IO], <<"echo echoe echok -echonl ">>}]],
    ok.

input_is_not_echoed_unless_asked_for(P) ->
    [begin
         OsPid = run(P, "read line; echo got $line", [pty | Options]),
         exec_port:stdin(P, OsPid, <<"it\n">>),
         {0, Output, <<>>} = exec_port:outcome(OsPid)
     end || {Options, Output} <- [{?IO, <<"got it\r\n">>},
                                  {[pty_echo | ?IO], <<"it\r\ngot it\r\n">>}]].

stop_ends_a_child_with_a_terminal(P) ->
    OsPid = run(P, "exec sleep 1000", [pty | ?IO]),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid).

%% As a program does that asks for a password, whatever its standard streams are.
a_terminal_that_was_closed_can_be_opened_again(#{dir := Directory} = P) ->
    Fifo = filename:join(Directory, "fifo"),
    {0, <<>>} = os_process:run("/usr/bin/mkfifo", [Fifo], []),
    OsPid = run(P, "echo before; exec 0<&- 1>&- 2>&-; read go <\"$FIFO\"; echo after >/dev/tty; "
                   "read line </dev/tty; echo got $line >/dev/tty; exit 3",
                [pty, {env, [{"FIFO", Fifo}]} | ?IO]),
    {stdout, <<"before\r\n">>} = exec_port:next(OsPid),
    ok = file:write_file(Fifo, <<>>), % it is opened when all is closed
    {stdout, <<"after\r\n">>} = exec_port:next(OsPid),
    exec_port:stdin(P, OsPid, <<"it\n">>),
    {768, <<"got it\r\n">>, <<>>} = exec_port:outcome(OsPid).

outcome(P, Command, Options) -> exec_port:outcome(run(P, Command, Options)).

run(P, Command, Options) ->
    case exec_port:run(P, Command, Options) of
        {pid, OsPid} -> OsPid;
        {error, "pty - pseudo terminals are not supported" ++ _} ->
            run_tests:skipped("no terminals in this version")
    end.
