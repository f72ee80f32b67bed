%% Processes as the system shows them, and waiting for what it has no event for.

-module(os_process).
-export([name/1, named/1, parent/1, group/1, state/1, exists/1, children/1, named_child/2, descriptors/1, ticks/1,
         with_variable/2, field/2, signal/2, run/3]).
-export([until/1, within/2, elapsed/1, prompt/2, scaled/1]).

%% Of its program, at most 15 bytes.
name(OsPid) -> string:trim(content(OsPid, "comm")).

named(Name) -> [OsPid || OsPid <- all(), name(OsPid) =:= list_to_binary(Name)].

parent(OsPid) -> stat(OsPid, 2).
group(OsPid) -> stat(OsPid, 3).

%% "R", "S", "Z"..., or none.
state(OsPid) ->
    case stat_fields(OsPid) of
        [State | _] -> State;
        none -> none
    end.

%% Zombies do.
exists(OsPid) -> filelib:is_dir(directory(OsPid)).

children(OsPid) -> [Child || Child <- all(), parent(Child) =:= OsPid].

%% A child by the name of its program. There may be none yet.
named_child(OsPid, Name) ->
    Named = fun(Child) -> content(Child, "comm") =:= list_to_binary([Name, $\n]) end,
    wait_for(fun() -> [Child || Child <- children(OsPid), Named(Child)] end).

descriptors(OsPid) ->
    {ok, Names} = file:list_dir(directory(OsPid) ++ "/fd"),
    length(Names).

%% Processor time in hundredths of a second.
ticks(OsPid) -> stat(OsPid, 12) + stat(OsPid, 13).

%% All that were started with a variable of this value in their environment.
with_variable(Name, Value) ->
    Wanted = list_to_binary([Name, $=, Value]),
    [OsPid || OsPid <- all(),
              lists:member(Wanted, binary:split(content(OsPid, "environ"), <<0>>, [global]))].

%% The number at a name in /proc/OsPid/status, limits or io; the first one on its line.
field(OsPid, {File, Name}) ->
    case re:run(content(OsPid, File), ["^", Name, ":?\\s+(\\d+)"],
                [multiline, {capture, [1], list}]) of
        {match, [Digits]} -> list_to_integer(Digits);
        nomatch -> none
    end.

%% Signal is a name as kill(1) knows it.
signal(OsPid, Signal) ->
    {_, _} = run("/bin/sh", ["-c", "kill -s \"$1\" \"$2\"", "sh", Signal,
                             integer_to_list(OsPid)], []),
    ok.

%% Exit code and output of a program.
run(Program, Args, Options) ->
    Port = open_port({spawn_executable, Program}, [{args, Args}, binary, exit_status | Options]),
    collect(Port, []).

collect(Port, Output) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Output, Data]);
        {Port, {exit_status, Code}} -> {Code, iolist_to_binary(Output)}
    end.

%% Waits for a condition; as long as the test may take.
until(Condition) ->
    wait_for(fun() -> [true || Condition()] end).

wait_for(Look) ->
    case Look() of
        [Found | _] -> Found;
        [] -> pause(), wait_for(Look)
    end.

%% Whether it comes true in so many milliseconds.
within(Milliseconds, Condition) ->
    within_deadline(erlang:monotonic_time(millisecond) + scaled(Milliseconds), Condition).

within_deadline(Deadline, Condition) ->
    Condition() orelse
        (erlang:monotonic_time(millisecond) < Deadline andalso
             begin pause(), within_deadline(Deadline, Condition) end).

pause() ->
    receive after 2 -> ok end.

elapsed(Action) ->
    {Microseconds, _} = timer:tc(Action),
    Microseconds div 1000.

%% An upper bound on a machine that others use, too: one of the measurements keeps it, of ten, or in
%% five seconds if these are more. Measure returns milliseconds, and checks by itself what must never
%% happen.
prompt(Milliseconds, Measure) -> prompt(scaled(Milliseconds), Measure, []).

prompt(Limit, Measure, Taken) ->
    case {Measure(), length(Taken) >= 9 andalso lists:sum(Taken) > scaled(5000)} of
        {Time, _} when Time =< Limit -> ok;
        {Time, false} -> prompt(Limit, Measure, [Time | Taken]);
        {Time, true} -> exit({too_slow, [Time | Taken], {limit, Limit}})
    end.

scaled(Milliseconds) ->
    case string:to_float(os:getenv("EXECASIO_TEST_TIME_SCALE", "1") ++ ".0") of
        {Scale, _} when is_float(Scale), Scale > 0 -> round(Milliseconds * Scale);
        _ -> Milliseconds
    end.

directory(OsPid) -> "/proc/" ++ integer_to_list(OsPid).

all() ->
    {ok, Names} = file:list_dir("/proc"),
    [list_to_integer(N) || [First | _] = N <- Names, First >= $0, First =< $9].

content(OsPid, File) ->
    case file:read_file(directory(OsPid) ++ "/" ++ File) of
        {ok, Bytes} -> Bytes;
        {error, _} -> <<>>
    end.

stat(OsPid, Field) ->
    case stat_fields(OsPid) of
        none -> none;
        Fields -> list_to_integer(lists:nth(Field, Fields))
    end.

%% From the state on: the program's name in front of it may contain anything.
stat_fields(OsPid) ->
    case string:split(content(OsPid, "stat"), ") ", trailing) of
        [_, Rest] -> string:lexemes(binary_to_list(Rest), " \n");
        _ -> none
    end.
