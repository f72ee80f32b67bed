%% Ending commands. A stubborn one ignores SIGTERM.

-module(stop_tests).
-export([stop_ends_with_status_0/1, stop_hides_what_the_child_makes_of_it/1,
         a_stubborn_child_is_killed_in_time/1, kill_timeout_0_kills_at_once/1,
         stop_reaches_a_child_that_has_just_been_started/1, stop_reaches_a_suspended_child/1,
         a_second_stop_is_ok/1, stop_of_an_unknown_pid/1,
         stop_of_a_group_reaches_grandchildren/1, the_group_of_an_ended_child_is_ended/1,
         a_stubborn_member_of_a_stopped_group_is_killed/1,
         a_stubborn_member_that_is_left_behind_is_killed/1,
         who_is_left_behind_has_time_to_leave/1, kill_group_spares_others_of_the_port/1, kill_command_is_run/1,
         a_kill_command_may_outlast_its_process/1, a_kill_command_that_hangs_is_ended/1,
         a_kill_command_without_kill_timeout_is_run/1,
         sigkill_follows_a_kill_command_without_effect/1,
         status_of_a_killed_child_is_the_signal/1, kill_leaves_a_handled_signal_to_the_child/1,
         kill_of_a_stranger_is_refused/1, wrong_signals_are_refused/1]).

-define(STUBBORN, "trap '' TERM; echo ready; exec sleep 1000").

%% A shell looks for signals, and then waits for input: it sees one that comes in between only when a
%% line has come, too, which must follow.
-define(HANDLES(Signal, Action),
        "trap '" ++ Action ++ "' " Signal "; echo ready; while :; do read line; done").

stop_ends_with_status_0(P) ->
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", []),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid).

stop_hides_what_the_child_makes_of_it(P) ->
    Command = ?HANDLES("TERM", "echo bye; exit 3"),
    {pid, OsPid} = exec_port:run(P, Command, [stdin, stdout, {kill_timeout, 1000}]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    ok = exec_port:stop(P, OsPid),
    ok = exec_port:stdin(P, OsPid, <<"\n">>),
    {0, <<"bye\n">>, <<>>} = exec_port:outcome(OsPid).

a_stubborn_child_is_killed_in_time(P) ->
    os_process:prompt(1100, fun() ->
        OsPid = stubborn(P, [{kill_timeout, 1}]),
        Time = stop_time(P, OsPid),
        true = Time >= 1000,
        Time
    end).

kill_timeout_0_kills_at_once(P) ->
    os_process:prompt(100, fun() -> stop_time(P, stubborn(P, [{kill_timeout, 0}])) end).

stop_reaches_a_child_that_has_just_been_started(P) ->
    [begin
         {pid, OsPid} = exec_port:run(P, ["/bin/sleep", "1000"], [{kill_timeout, 1000}]),
         ok = exec_port:stop(P, OsPid),
         {0, <<>>, <<>>} = exec_port:outcome(OsPid)
     end || _ <- lists:seq(1, 50)].

stop_reaches_a_suspended_child(P) ->
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", [{kill_timeout, 1000}]),
    ok = exec_port:kill(P, OsPid, 19),
    os_process:until(fun() -> os_process:state(OsPid) =:= "T" end),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid).

a_second_stop_is_ok(P) ->
    os_process:prompt(1100, fun() ->
        OsPid = stubborn(P, [{kill_timeout, 1}]),
        os_process:elapsed(fun() ->
            [ok = exec_port:stop(P, OsPid) || _ <- lists:seq(1, 3)],
            {0, <<>>, <<>>} = exec_port:outcome(OsPid),
            {error, "pid not alive"} = exec_port:stop(P, OsPid)
        end)
    end).

stop_of_an_unknown_pid(P) ->
    [{error, "pid not alive"} = exec_port:stop(P, OsPid) || OsPid <- [99999999, 1, 0, -1]],
    [{error, badarg} = exec_port:stop(P, Wrong) || Wrong <- [foo, 1.0, 1 bsl 32, 1 bsl 70]].

stop_of_a_group_reaches_grandchildren(P) ->
    {pid, OsPid} = exec_port:run(P, "sleep 1000 & echo $!; wait", [stdout, kill_group]),
    Grandchild = number(exec_port:next(OsPid)),
    OsPid = os_process:group(Grandchild),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    os_process:until(fun() -> is_gone(Grandchild) end).

the_group_of_an_ended_child_is_ended(P) ->
    {pid, OsPid} = exec_port:run(P, "sleep 1000 & echo $!", [stdout, {group, 0}, kill_group]),
    Grandchild = number(exec_port:next(OsPid)),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    os_process:until(fun() -> is_gone(Grandchild) end).

%% The child itself goes at once; erlexec would leave the other one alone from there on.
a_stubborn_member_of_a_stopped_group_is_killed(P) ->
    Command = "trap 'exit 0' TERM; (" ++ ?STUBBORN ++ ") & echo $!; wait",
    {pid, OsPid} = exec_port:run(P, Command, [stdin, stdout, kill_group, {kill_timeout, 1}]),
    Grandchild = grandchild(OsPid),
    Time = os_process:elapsed(fun() ->
        ok = exec_port:stop(P, OsPid),
        {0, <<>>, <<>>} = exec_port:outcome(OsPid),
        os_process:until(fun() -> is_gone(Grandchild) end)
    end),
    true = Time >= 1000.

a_stubborn_member_that_is_left_behind_is_killed(P) ->
    Command = "(" ++ ?STUBBORN ++ ") & echo $!; read line",
    {pid, OsPid} = exec_port:run(P, Command, [stdin, stdout, kill_group, {kill_timeout, 1}]),
    Grandchild = grandchild(OsPid),
    exec_port:stdin(P, OsPid, <<"\n">>),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    os_process:until(fun() -> is_gone(Grandchild) end).

%% 0 is for those who are told to stop.
who_is_left_behind_has_time_to_leave(#{dir := Directory} = P) ->
    File = filename:join(Directory, "left"),
    Command = "(trap 'sleep 0.3; echo left >\"$FILE\"; exit' TERM; echo ready; "
              "while :; do sleep 0.05; done) & read line",
    {pid, OsPid} = exec_port:run(P, Command, [stdin, stdout, kill_group, {kill_timeout, 0},
                                              {env, [{"FILE", File}]}]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    exec_port:stdin(P, OsPid, <<"\n">>),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    os_process:until(fun() -> filelib:is_file(File) end).

kill_group_spares_others_of_the_port(P) ->
    {pid, Other} = exec_port:run(P, "cat", [stdin, stdout]),
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", [kill_group]),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(P, "true", [kill_group]),
    exec_port:stdin(P, Other, <<"alive">>),
    exec_port:stdin(P, Other, eof),
    {0, <<"alive">>, <<>>} = exec_port:outcome(Other).

kill_command_is_run(#{dir := Directory} = P) ->
    File = filename:join(Directory, "told"),
    Command = "echo $CHILD_PID > '" ++ File ++ "'; kill -9 $CHILD_PID",
    {pid, OsPid} = exec_port:run(P, ?STUBBORN, [stdout, {kill, Command}, {kill_timeout, 1000}]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    {ok, Told} = file:read_file(File),
    OsPid = binary_to_integer(string:trim(Told)).

%% It is not over before the port has reaped the process, and leaves nothing behind either.
a_kill_command_may_outlast_its_process(P) ->
    Command = "kill -9 $CHILD_PID; while [ -e /proc/$CHILD_PID ]; do :; done",
    OsPid = stubborn(P, [{kill, Command}, {kill_timeout, 1000}]),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid).

%% The process is not let wait for it.
a_kill_command_without_kill_timeout_is_run(#{dir := Directory} = P) ->
    File = filename:join(Directory, "cleaned"),
    Command = "sleep 0.3; echo done > '" ++ File ++ ".new'; mv '" ++ File ++ ".new' '" ++ File ++ "'",
    os_process:prompt(200, fun() ->
        file:delete(File),
        Time = stop_time(P, stubborn(P, [{kill, Command}, {kill_timeout, 0}])),
        os_process:until(fun() -> filelib:is_file(File) end),
        Time
    end),
    {ok, <<"done\n">>} = file:read_file(File).

a_kill_command_that_hangs_is_ended(P) ->
    os_process:prompt(1100, fun() ->
        OsPid = stubborn(P, [{kill, "sleep 1000; true"}, {kill_timeout, 1}]),
        Time = stop_time(P, OsPid),
        true = Time >= 1000,
        Time
    end).

sigkill_follows_a_kill_command_without_effect(P) ->
    OsPids = [stubborn(P, [{kill, Command}, {kill_timeout, 1}])
              || Command <- ["true", "kill $CHILD_PID", "/nowhere/program"]],
    Time = os_process:elapsed(fun() ->
        [ok = exec_port:stop(P, OsPid) || OsPid <- OsPids],
        [{0, <<>>, <<>>} = exec_port:outcome(OsPid) || OsPid <- OsPids]
    end),
    true = Time >= 1000.

status_of_a_killed_child_is_the_signal(P) ->
    [begin
         {pid, OsPid} = exec_port:run(P, "exec sleep 1000", [{success_exit_code, 7}]),
         ok = exec_port:kill(P, OsPid, Signal),
         {Signal, <<>>, <<>>} = exec_port:outcome(OsPid)
     end || Signal <- [1, 2, 9, 10, 13, 15]].

kill_leaves_a_handled_signal_to_the_child(P) ->
    Command = ?HANDLES("USR1", "echo usr1; exit 3"),
    {pid, OsPid} = exec_port:run(P, Command, [stdin, stdout]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    ok = exec_port:kill(P, OsPid, 0),
    ok = exec_port:kill(P, OsPid, 10),
    ok = exec_port:stdin(P, OsPid, <<"\n">>),
    {768, <<"usr1\n">>, <<>>} = exec_port:outcome(OsPid).

kill_of_a_stranger_is_refused(P) ->
    {pid, Ended} = exec_port:run(P, "true", []),
    {0, <<>>, <<>>} = exec_port:outcome(Ended),
    [{error, "Cannot kill a pid not managed by this application"} = exec_port:kill(P, OsPid, 9)
     || OsPid <- [Ended, 0, 1, exec_port:os_pid(P)]],
    {error, "Not allowed to send signal to all processes"} = exec_port:kill(P, -2, 9),
    [{error, badarg} = exec_port:kill(P, OsPid, Signal)
     || {OsPid, Signal} <- [{-1, 9}, {foo, 9}, {1, foo}, {1 bsl 40, 9}, {1, 1 bsl 40}]].

wrong_signals_are_refused(P) ->
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", []),
    [{error, einval} = exec_port:kill(P, OsPid, Signal) || Signal <- [-1, 65, 1000]],
    ok = exec_port:kill(P, OsPid, 9),
    {9, <<>>, <<>>} = exec_port:outcome(OsPid).

stubborn(P, Options) ->
    {pid, OsPid} = exec_port:run(P, ?STUBBORN, [stdout | Options]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    OsPid.

%% Milliseconds from the request to the end, which has to be one with status 0.
stop_time(P, OsPid) ->
    os_process:elapsed(fun() ->
        ok = exec_port:stop(P, OsPid),
        {0, <<>>, <<>>} = exec_port:outcome(OsPid)
    end).

%% Two lines, in one piece or in two: the number of the stubborn grandchild, and that it is ready.
grandchild(OsPid) -> grandchild(OsPid, <<>>).

grandchild(OsPid, Before) ->
    {stdout, Data} = exec_port:next(OsPid),
    Text = <<Before/binary, Data/binary>>,
    case [Line || Line <- binary:split(Text, <<"\n">>, [global]), Line =/= <<>>] of
        [A, B] when A =:= <<"ready">> -> binary_to_integer(B);
        [A, <<"ready">>] -> binary_to_integer(A);
        _ -> grandchild(OsPid, Text)
    end.

number({stdout, Line}) -> binary_to_integer(string:trim(Line)).

%% A zombie whom nobody reaps is not ours any more.
is_gone(OsPid) -> lists:member(os_process:state(OsPid), [none, "Z"]).
