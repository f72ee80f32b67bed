%% Requests other than run and stop, and what is none.

-module(request_tests).
-export([every_number_comes_back/1, list_shows_what_runs/1, an_unknown_command_is_answered/1,
         a_wrong_arity_is_answered/1, an_unknown_option_is_answered/1,
         an_option_of_another_type_is_answered/1, an_option_given_twice_is_answered/1,
         an_improper_list_is_answered/1, a_number_that_is_too_large_is_answered/1,
         a_nul_byte_is_refused/1, a_deeply_nested_term_is_answered/1, debug_tells_the_level_before/1, setpgid_is_answered/1,
         the_end_of_a_managed_process_is_told_at_once/1, a_managed_process_can_be_stopped/1,
         manage_of_nobody_is_answered/1, events_go_on_beside_requests/1]).

every_number_comes_back(P) ->
    [[] = exec_port:call(P, Id, {list})
     || Base <- [1 bsl N || N <- [0, 7, 8, 15, 16, 27, 31, 32, 40, 62]],
        Id <- [Base - 1, Base, -Base], Id =/= 0],
    [[] = exec_port:call(P, Id, {list}) || Id <- [(1 bsl 63) - 1, -(1 bsl 63)]].

list_shows_what_runs(P) ->
    OsPids = [begin {pid, N} = exec_port:run(P, "cat", [stdin]), N end || _ <- lists:seq(1, 20)],
    true = lists:sort(OsPids) =:= lists:sort(exec_port:list(P)),
    [exec_port:stdin(P, OsPid, eof) || OsPid <- OsPids],
    [{0, <<>>, <<>>} = exec_port:outcome(OsPid) || OsPid <- OsPids],
    [] = exec_port:list(P).

a_deeply_nested_term_is_answered(P) ->
    {pid, OsPid} = exec_port:run(P, "cat", [stdin, stdout]),
    [begin
         Deep = lists:foldl(fun(_, Inner) -> [Inner] end, [], lists:seq(1, Depth)),
         {error, badarg} = exec_port:stop(P, Deep),
         {error, _} = exec_port:run(P, Deep, []),
         {error, _} = exec_port:run(P, "true", Deep),
         {error, "Unknown command: fly"} = exec_port:call(P, {fly, Deep})
     end || Depth <- [30, 300, 9000]],
    exec_port:stdin(P, OsPid, <<"undisturbed">>),
    exec_port:stdin(P, OsPid, eof),
    {0, <<"undisturbed">>, <<>>} = exec_port:outcome(OsPid).

an_unknown_command_is_answered(P) ->
    answered(P, "Unknown command: fly", {fly}),
    answered(P, "Unknown command: fly", {fly, 1, "x", #{}}),
    Long = list_to_atom(lists:duplicate(255, $x)),
    answered(P, "Unknown command: " ++ atom_to_list(Long), {Long, 1}),
    answered(P, "Unknown command: ", {"run", "true", []}).

a_wrong_arity_is_answered(P) ->
    [begin {error, badarg} = exec_port:call(P, Request), lives(P) end
     || Request <- [{run}, {run, "true"}, {run, "true", [], 1}, {manage, 1}, {stop}, {stop, 1, 2},
                    {kill, 1}, {kill, 1, 9, 9}, {list, 1}, {stdin, 1}, {winsz, 1, 2}, {pty_opts, 1},
                    {setpgid, 1}, {debug}, {debug, 1, 2}, {shutdown, 1}]].

an_unknown_option_is_answered(P) ->
    [begin {error, "badarg" ++ _} = exec_port:run(P, "true", [stdout, Option]), lives(P) end
     || Option <- [fly, {fly, 1}, {fly, "x", 2}, {cd, "/", 1}, {kill_group, false}, 5, "x", <<"x">>,
                   {}, {cd}, {1, 2}, {stdout, "x", [], 4}, #{}, 1.5, self(), make_ref()]].

an_option_of_another_type_is_answered(P) ->
    [begin {error, [_ | _]} = exec_port:run(P, "true", [Option]), lives(P) end
     || Option <- [cd, {cd, 5}, {cd, foo}, env, {env, foo}, {env, [5]}, {env, [{"A", 5}]},
                   {kill_timeout, foo}, {kill_timeout, 1.5}, {group, foo}, {group, "name"},
                   {group, -1}, {nice, foo}, {success_exit_code, 256}, {success_exit_code, -1},
                   {stdin, 5}, {stdout, foo}, {stdout, "file", foo}, {stderr, "file", [foo]},
                   {pty, foo}, {winsz, {1}}, {capabilities, foo}, {user, 0}, {user, ""},
                   {debug, foo}, {kill, foo}, {executable, foo}]].

an_option_given_twice_is_answered(P) ->
    [begin
         Answer = "duplicate " ++ Name ++ " option specified",
         {error, Answer} = exec_port:run(P, "true", Options)
     end || {Name, Options} <- [{"cd", [{cd, "/"}, {cd, "/"}]},
                                {"stdout", [stdout, {stdout, null}]},
                                {"kill_group", [kill_group, kill_group]}]],
    lives(P).

an_improper_list_is_answered(P) ->
    [begin {error, _} = exec_port:call(P, Request), lives(P) end
     || Request <- [{run, ["/bin/echo" | foo], []}, {run, ["/bin/echo" | "x"] ++ foo, [stdout]},
                    {run, "true", [stdout | stderr]}, {run, "true", foo}, {run, "true", {}},
                    {run, [$a, 1040], []}, {run, ["/bin/echo", [1040]], []},
                    {run, "true", [{env, [{"A", "1"} | foo]}]}, {run, [$a, $b | $c], []},
                    {run, "true", [{stdout, "file", [append | foo]}]},
                    {manage, 1, [stdout | foo]}]].

a_number_that_is_too_large_is_answered(P) ->
    [begin {error, _} = exec_port:call(P, Request), lives(P) end
     || Large <- [1 bsl 31, 1 bsl 32, 1 bsl 63, 1 bsl 64, 1 bsl 2000],
        Request <- [{stop, Large + 1}, {kill, Large + 1, 9}, {kill, 1, Large + 9}, {debug, Large},
                    {manage, Large + 1, []}, {setpgid, Large + 1, 0}, {setpgid, 1, Large + 1},
                    {run, "true", [{group, Large}]}, {run, "true", [{nice, Large}]}]].

a_nul_byte_is_refused(P) ->
    [begin {error, _} = exec_port:run(P, Command, Options), lives(P) end
     || {Command, Options} <- [{"tr\0ue", []}, {["/bin/true", "a\0b"], []}, {"true", [{cd, "/\0"}]},
                               {"true", [{env, [{"A", "b\0c"}]}]}, {"true", [{stdout, "f\0g"}]}]].

debug_tells_the_level_before(P) ->
    {ok, 0} = exec_port:debug(P, 1),
    {ok, 1} = exec_port:debug(P, 0),
    [{error, badarg} = exec_port:debug(P, Level) || Level <- [-1, 11, foo, 1.0]],
    {ok, 0} = exec_port:debug(P, 0).

%% The system does not move a child that has executed its program, which is when we learn of it.
setpgid_is_answered(P) ->
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", []),
    {error, eacces} = exec_port:setpgid(P, OsPid, 0),
    {error, einval} = exec_port:setpgid(P, OsPid, -1),
    [{error, esrch} = exec_port:setpgid(P, Stranger, 0) || Stranger <- [1, 0, 99999999]],
    {error, badarg} = exec_port:setpgid(P, foo, 0),
    ok = exec_port:kill(P, OsPid, 9),
    {9, <<>>, <<>>} = exec_port:outcome(OsPid).

the_end_of_a_managed_process_is_told_at_once(P) ->
    os_process:prompt(100, fun() ->
        OsPid = foreign(P),
        {pid, OsPid} = exec_port:manage(P, OsPid, []),
        {pid, OsPid} = exec_port:manage(P, OsPid, []),
        [OsPid] = exec_port:list(P),
        os_process:elapsed(fun() ->
            ok = exec_port:kill(P, OsPid, 9),
            {exit_status, Status} = exec_port:next(OsPid),
            true = lists:member(Status, [-1, 9])
        end)
    end),
    [] = exec_port:list(P).

a_managed_process_can_be_stopped(P) ->
    OsPid = foreign(P),
    {pid, OsPid} = exec_port:manage(P, OsPid, [{kill_timeout, 1000}]),
    ok = exec_port:stop(P, OsPid),
    {exit_status, Status} = exec_port:next(OsPid),
    true = lists:member(Status, [-1, 0]).

manage_of_nobody_is_answered(P) ->
    {pid, Ended} = exec_port:run(P, "true", []),
    {0, <<>>, <<>>} = exec_port:outcome(Ended),
    [{error, not_found} = exec_port:manage(P, OsPid, []) || OsPid <- [Ended, 99999999, 1]],
    [{error, badarg} = exec_port:manage(P, OsPid, [])
     || OsPid <- [0, -1, foo, exec_port:os_pid(P)]],
    {error, badarg} = exec_port:manage(P, 1, [fly]),
    {error, not_found} = exec_port:manage(P, guardian(P), []),
    Vm = list_to_integer(os:getpid()),
    {error, badarg} = exec_port:manage(P, Vm, [{user, "nobody-of-that-name"}]).

%% The one that waits for the end of this port.
guardian(P) ->
    Port = exec_port:os_pid(P),
    [Guardian] = [OsPid || OsPid <- os_process:named("execasio-guard"),
                           os_process:field(OsPid, {"fdinfo/4", "Pid"}) =:= Port],
    Guardian.

%% Neither exits nor output wait for the end of a flood of requests.
events_go_on_beside_requests(P) ->
    Flood = spawn_link(fun() -> flood(P) end),
    [{0, <<"out\n">>, <<>>} = exec_port:outcome(P, "echo out", [stdout]) || _ <- lists:seq(1, 20)],
    Flood ! {enough, self()},
    receive enough -> ok end.

flood(P) ->
    [] = [A || A <- [exec_port:stop(P, 99999999) || _ <- lists:seq(1, 100)],
               A =/= {error, "pid not alive"}],
    receive
        {enough, From} -> From ! enough
    after 0 -> flood(P)
    end.

answered(P, Error, Request) ->
    {error, Error} = exec_port:call(P, Request),
    lives(P).

lives(P) -> [] = exec_port:list(P).

%% A process of the VM's own. Before it executes its program it ignores SIGTERM.
foreign(#{env := Env}) ->
    Port = open_port({spawn_executable, "/bin/sh"},
                     [{args, ["-c", "echo ready; exec sleep 1000"]}, {env, Env}]),
    receive {Port, {data, "ready\n"}} -> ok end,
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    OsPid.
