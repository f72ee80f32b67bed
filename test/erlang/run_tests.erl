%% Runs tests: every exported function with one argument of every module *_tests in the directory of
%% this one. The argument is a port (see exec_port:start) of the test's own with a scratch directory
%% as `dir`. A test that returns has passed, if it leaves nothing behind; skipped(Why) ends one that
%% cannot run here.
%%
%% Started by run.sh: main reads the plain arguments PATH DIRECTORY IDENTITY [MODULE | TEST]...

-module(run_tests).
-export([main/0, skipped/1]).

-define(TAG, "EXEC_PORT_TEST").
-define(DEADLINE, 60000).

main() ->
    [Path, Directory, Identity | Only] = init:get_plain_arguments(),
    ok = logger:set_primary_config(level, none), % failures are told by the report
    Results = [report(Test, run(Test, options(Path, Directory, Identity)))
               || Test <- tests(), wanted(Test, Only)],
    Count = fun(Result) -> length([R || R <- Results, R =:= Result]) end,
    io:format("~b passed, ~b failed~s~n",
              [Count(ok), Count(failed),
               case Count(skipped) of
                   0 -> "";
                   Skipped -> io_lib:format(", ~b skipped", [Skipped])
               end]),
    halt(case Count(failed) of 0 when Results =/= [] -> 0; _ -> 1 end).

-spec skipped(string()) -> no_return().
skipped(Why) -> exit({skipped, Why}).

options(Path, Directory, Identity) ->
    Tag = integer_to_list(erlang:unique_integer([positive])) ++ "." ++ os:getpid(),
    #{path => Path, dir => filename:join(Directory, Tag), tag => Tag, identity => Identity,
      args => case Identity of "root" -> ["-user", "root"]; _ -> [] end,
      env => [{"SHELL", "/bin/sh"}, {?TAG, Tag}]}.

tests() ->
    Ebin = filename:dirname(code:which(?MODULE)),
    Files = lists:sort(filelib:wildcard("*_tests.beam", Ebin)),
    [{Module, Name}
     || File <- Files,
        Module <- [list_to_atom(filename:basename(File, ".beam"))], Module =/= ?MODULE,
        {Name, 1} <- lists:sort(Module:module_info(exports)), Name =/= module_info].

wanted(_, []) -> true;
wanted({Module, Name}, Only) ->
    lists:any(fun(Test) -> lists:member(atom_to_list(Test), Only) end, [Module, Name]).

run(Test, #{dir := Directory, tag := Tag} = Options) ->
    ok = file:make_dir(Directory),
    {Runner, Monitor} = spawn_monitor(fun() -> fixture(Test, Options) end),
    Result =
        receive
            {'DOWN', Monitor, process, Runner, Reason} -> result(Reason)
        after os_process:scaled(?DEADLINE) ->
            {current_stacktrace, Stack} = process_info(Runner, current_stacktrace),
            exit(Runner, kill),
            {failed, {deadline, where(Stack)}}
        end,
    clear(Tag),
    ok = file:del_dir_r(Directory),
    Result.

result(normal) -> ok;
result({skipped, Why}) -> {skipped, Why};
result({Reason, [{_, _, _, _} | _] = Stack}) -> {failed, {Reason, where(Stack)}};
result(Reason) -> {failed, Reason}.

where(Stack) ->
    [{M, F, proplists:get_value(line, Info)} || {M, F, _, Info} <- lists:sublist(Stack, 6)].

fixture({Module, Name}, Options) ->
    P = exec_port:start(Options),
    [] = exec_port:list(P), % the port has set itself up
    Before = os_process:descriptors(exec_port:os_pid(P)),
    Module:Name(P),
    nothing_is_left(P, Before),
    [] = exec_port:faults(P).

nothing_is_left(#{tag := Tag} = P, Before) ->
    Port = exec_port:os_pid(P),
    case exec_port:is_open(P) of
        true ->
            [] = exec_port:list(P),
            expect(children, [], fun() -> children(Port) end),
            expect(descriptors, Before, fun() -> os_process:descriptors(Port) end),
            expect(processes, [Port], fun() -> os_process:with_variable(?TAG, Tag) end),
            exec_port:shutdown(P),
            0 = exec_port:exit_code(P);
        false ->
            ok
    end,
    expect(processes, [], fun() -> os_process:with_variable(?TAG, Tag) end).

%% Those that it was asked for.
children(Port) ->
    [Child || Child <- os_process:children(Port), os_process:name(Child) =/= <<"execasio-guard">>].

%% What is on its way out gets the time that a machine may stand still.
expect(What, Value, Look) ->
    os_process:within(10000, fun() -> Look() =:= Value end) orelse exit({left, What, Look()}).

%% After a failure. The port gets the time to do so by itself, as part of what is seen.
clear(Tag) ->
    Left = fun() -> os_process:with_variable(?TAG, Tag) end,
    os_process:within(7000, fun() -> Left() =:= [] end) orelse
        [os_process:signal(OsPid, "KILL") || OsPid <- Left()].

report({_, Name}, ok) ->
    io:format("ok ~s~n", [Name]),
    ok;
report({_, Name}, {skipped, Why}) ->
    io:format("skipped ~s: ~s~n", [Name, Why]),
    skipped;
report({Module, Name}, {failed, Reason}) ->
    io:format("FAILED ~s: ~s: ~0tP~n", [Name, Module, Reason, 60]),
    failed.
