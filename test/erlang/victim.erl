%% A VM that is to die: opens a port, starts commands, tells their numbers, and waits for its end.
%% The plain argument is the options of exec_port:start.

-module(victim).
-export([arguments/1, main/0]).

%% How erl is to be called.
arguments(Options) ->
    Text = binary_to_list(base64:encode(term_to_binary(Options))),
    ["-noshell", "-noinput", "-pa", filename:dirname(code:which(?MODULE)),
     "-run", atom_to_list(?MODULE), "main", "-extra", Text].

main() ->
    [Text] = init:get_plain_arguments(),
    P = exec_port:start(binary_to_term(base64:decode(Text))),
    OsPids = [started(P, Command) || _ <- lists:seq(1, 10),
                                     Command <- ["echo ready; exec sleep 1000",
                                                 "trap '' TERM; echo ready; exec sleep 1000"]],
    io:format("~w.~n", [{exec_port:os_pid(P), OsPids}]),
    receive after infinity -> ok end.

started(P, Command) ->
    {pid, OsPid} = exec_port:run(P, Command, [stdout, {kill_timeout, 1}]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    OsPid.
