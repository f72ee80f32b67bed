%% Many commands, much output, and a VM that does not read.

-module(load_tests).
-export([a_thousand_commands_at_once/1, much_output_is_complete/1,
         a_vm_that_does_not_read_stalls_no_request/1, kill_timeout_is_kept_beside_a_busy_child/1,
         many_short_commands/1, waiting_costs_no_time/1, too_few_descriptors_are_answered/1]).

-define(YES, "read go; exec yes").

%% All of them run before the first one may end.
a_thousand_commands_at_once(P) ->
    Port = exec_port:os_pid(P),
    case os_process:field(Port, {"limits", "Max open files"}) of
        Few when Few < 5000 ->
            run_tests:skipped("only " ++ integer_to_list(Few) ++ " open files allowed");
        _ -> ok
    end,
    Test = self(),
    Askers = [spawn_link(fun() -> hundred(P, Test, First) end) || First <- lists:seq(1, 901, 100)],
    OsPids = lists:append([receive {Asker, started, Some} -> Some end || Asker <- Askers]),
    1000 = length(lists:usort(OsPids)),
    true = lists:sort(OsPids) =:= lists:sort(exec_port:list(P)),
    [Asker ! go || Asker <- Askers],
    [receive {Asker, done} -> ok end || Asker <- Askers],
    [] = exec_port:list(P).

hundred(P, Test, First) ->
    Started = [{N, begin {pid, OsPid} = exec_port:run(P, command(N), [stdin, stdout]), OsPid end}
               || N <- lists:seq(First, First + 99)],
    Test ! {self(), started, [OsPid || {_, OsPid} <- Started]},
    receive go -> ok end,
    [exec_port:stdin(P, OsPid, <<"go\n">>) || {_, OsPid} <- Started],
    [begin
         Output = iolist_to_binary(io_lib:format("~b go~n", [N])),
         Status = N rem 256 * 256,
         {Status, Output, <<>>} = exec_port:outcome(OsPid),
         [{pid, OsPid} | Events] = exec_port:log(P, OsPid),
         1 = length([S || {exit_status, S} <- Events])
     end || {N, OsPid} <- Started],
    Test ! {self(), done}.

command(N) ->
    Number = integer_to_list(N),
    "read word; echo " ++ Number ++ " $word; exit " ++ integer_to_list(N rem 256).

many_short_commands(P) ->
    Test = self(),
    Askers = [spawn_link(fun() ->
                  [{0, <<"x\n">>, <<>>} = exec_port:outcome(P, ["/bin/echo", "x"], [stdout])
                   || _ <- lists:seq(1, 100)],
                  Test ! {self(), done}
              end) || _ <- lists:seq(1, 5)],
    [receive {Asker, done} -> ok end || Asker <- Askers].

much_output_is_complete(P) ->
    {0, Sum, <<>>} = exec_port:outcome(P, "seq 6700000 | md5sum", [stdout]),
    {pid, OsPid} = exec_port:run(P, ["/usr/bin/seq", "6700000"], [stdout]),
    {0, Output, <<>>} = exec_port:outcome(OsPid),
    true = byte_size(Output) > 50 * 1024 * 1024,
    Hex = list_to_binary([io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= erlang:md5(Output)]),
    <<Hex:32/binary, _/binary>> = Sum.

%% The VM always reads its ports, so that a stopped cat in between stands for one that does not.
a_vm_that_does_not_read_stalls_no_request(P) ->
    Stalled = exec_port:start(P#{shell => "\"$@\" | cat"}),
    Shell = exec_port:os_pid(Stalled),
    Port = os_process:named_child(Shell, filename:basename(maps:get(path, P))),
    Cat = os_process:named_child(Shell, "cat"),
    {pid, Yes} = exec_port:run(Stalled, ?YES, [stdin, stdout]),
    [begin {pid, OsPid} = exec_port:run(Stalled, "exec sleep 1000", []), self() ! {other, OsPid} end
     || _ <- lists:seq(1, 30)],

    Memory = fun() -> os_process:field(Port, {"status", "VmRSS"}) end,
    Before = Memory(),
    os_process:signal(Cat, "STOP"),
    exec_port:stdin(Stalled, Yes, <<"go\n">>),
    os_process:until(fun() -> stands_still(Yes) end),
    os_process:prompt(200, fun() ->
        receive
            {other, OsPid} -> os_process:elapsed(fun() -> kill_unanswered(Stalled, OsPid) end)
        end
    end),
    true = Memory() - Before < 8 * 1024, % kilobytes

    Written = os_process:field(Yes, {"io", "wchar"}),
    later(fun() -> exec_port:kill(Stalled, Yes, 15) end),
    os_process:until(fun() -> not os_process:exists(Yes) end),
    os_process:signal(Cat, "CONT"),
    {15, Output, <<>>} = exec_port:outcome(Yes),
    true = byte_size(Output) >= Written, % more if a part of its last write went in
    Output = binary:copy(<<"y\n">>, byte_size(Output) div 2),
    exec_port:shutdown(Stalled),
    0 = exec_port:exit_code(Stalled), % that of cat
    receive {answer, ok} -> ok end,
    [] = exec_port:faults(Stalled).

kill_unanswered(P, OsPid) ->
    later(fun() -> exec_port:kill(P, OsPid, 9) end),
    os_process:until(fun() -> not os_process:exists(OsPid) end).

later(Request) ->
    Test = self(),
    spawn_link(fun() -> Test ! {answer, Request()} end).

%% It waits for room in its pipe.
stands_still(OsPid) ->
    Written = os_process:field(OsPid, {"io", "wchar"}),
    receive after 20 -> ok end,
    Written > 65536 andalso Written =:= os_process:field(OsPid, {"io", "wchar"}).

kill_timeout_is_kept_beside_a_busy_child(P) ->
    {pid, Busy} = exec_port:run(P, "cat", [stdin, stdout]),
    Feeder = spawn_link(fun() -> feed(P, Busy) end),
    os_process:prompt(1100, fun() ->
        {pid, OsPid} = exec_port:run(P, "trap '' TERM; echo ready; exec sleep 1000",
                                     [stdout, {kill_timeout, 1}]),
        {stdout, <<"ready\n">>} = exec_port:next(OsPid),
        Time = os_process:elapsed(fun() ->
            ok = exec_port:stop(P, OsPid),
            {0, <<>>, <<>>} = exec_port:outcome(OsPid)
        end),
        true = Time >= 1000,
        Time
    end),
    Feeder ! {enough, self()},
    Lines = receive {fed, N} -> N end,
    exec_port:stdin(P, Busy, eof),
    {0, Output, <<>>} = exec_port:outcome(Busy),
    Output = binary:copy(<<"line\n">>, Lines).

%% At least a thousand lines a second, each through the child and back.
feed(P, OsPid) -> feed(P, OsPid, 0).

feed(P, OsPid, Lines) ->
    receive
        {enough, From} -> From ! {fed, Lines}
    after 1 ->
        [exec_port:stdin(P, OsPid, <<"line\n">>) || _ <- [1, 2]],
        feed(P, OsPid, Lines + 2)
    end.

%% Input that is not read, input and outputs that were closed, a stop that takes its second.
waiting_costs_no_time(P) ->
    Port = exec_port:os_pid(P),
    Commands = ["echo ready; exec sleep 1000", "exec 0<&-; echo ready; exec sleep 1000",
                "echo ready; exec >&- 2>&-; exec sleep 1000"],
    OsPids = [begin
                  {pid, OsPid} = exec_port:run(P, Command, [stdin, stdout, stderr]),
                  {stdout, <<"ready\n">>} = exec_port:next(OsPid),
                  exec_port:stdin(P, OsPid, binary:copy(<<0>>, 1024 * 1024)),
                  OsPid
              end || Command <- Commands],
    {pid, Stubborn} = exec_port:run(P, "trap '' TERM; echo ready; exec sleep 1000",
                                    [stdout, {kill_timeout, 1}]),
    {stdout, <<"ready\n">>} = exec_port:next(Stubborn),
    ok = exec_port:stop(P, Stubborn),
    Before = os_process:ticks(Port),
    {0, <<>>, <<>>} = exec_port:outcome(Stubborn),
    true = os_process:ticks(Port) - Before < 10, % of a hundred in this second
    [ok = exec_port:kill(P, OsPid, 9) || OsPid <- OsPids],
    [{9, <<>>, <<>>} = exec_port:outcome(OsPid) || OsPid <- OsPids].

too_few_descriptors_are_answered(#{path := Path} = P) ->
    {ok, Program} = file:read_file(Path),
    binary:match(Program, <<"__ubsan_">>) =:= nomatch orelse
        run_tests:skipped("the sanitizer cannot work without descriptors either"),
    Poor = exec_port:start(P#{shell => "ulimit -n 40; exec \"$@\""}),
    {Running, Answer} = run_until_refused(Poor, []),
    {match, _} = re:run(Answer, "^Couldn't start pid: .*: Too many open files$"),
    Before = os_process:descriptors(exec_port:os_pid(Poor)),
    {error, Answer} = exec_port:run(Poor, "cat", [stdin, stdout, stderr]),
    Before = os_process:descriptors(exec_port:os_pid(Poor)),
    [exec_port:stdin(Poor, OsPid, eof) || OsPid <- Running],
    [{0, <<>>, <<>>} = exec_port:outcome(OsPid) || OsPid <- Running],
    {0, <<"out\n">>, <<>>} = exec_port:outcome(Poor, "echo out", [stdin, stdout, stderr]),
    exec_port:shutdown(Poor),
    0 = exec_port:exit_code(Poor),
    [] = exec_port:faults(Poor).

run_until_refused(P, Running) ->
    case exec_port:run(P, "cat", [stdin, stdout, stderr]) of
        {pid, OsPid} -> run_until_refused(P, [OsPid | Running]);
        {error, Answer} -> {Running, Answer}
    end.
