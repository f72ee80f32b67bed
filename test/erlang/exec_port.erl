%% A client of the port program, no more than what Erlang offers: one process owns the port, gives
%% requests their numbers, and passes replies and events on to whoever asked.
%%
%% Events come as messages {exec_port, OsPid, Event}, after the reply that names OsPid; all that was
%% ever said about an OsPid is kept in order. What the protocol rules out (a second reply, one out of
%% turn, an event of nobody's, one after the exit) is kept as a fault. Nothing here has a timeout:
%% callers have.

-module(exec_port).
-export([start/1, run/3, manage/3, stop/2, kill/3, list/1, stdin/3, setpgid/3, debug/2, shutdown/1,
         call/2, call/3, cast/2, send_frame/2, close/1]).
-export([os_pid/1, is_open/1, exit_code/1, next/1, outcome/1, outcome/3, log/2, faults/1]).

-record(child, {owner, log = [], ended = false}).
-record(state, {port, owner, next = 1, waiting = #{}, order = queue:new(), children = #{}, faults = [],
                exit_code, exit_waiters = []}).

%% Requests that the program did not live to answer get {ended, ExitCode}.
%%
%% Options: path; args; env; shell, a script that runs the program as "$@"; descriptors, which are
%% numbers (frames on 3 and 4) or standard; packet, the width of a frame's length. The handle is the same map with `server` and `pid`.
start(Options) ->
    Owner = self(),
    Server = spawn_link(fun() -> init(Owner, Options) end),
    receive
        {Server, OsPid} -> Options#{server => Server, pid => OsPid}
    end.

%% What was opened: the program, or the shell around it.
os_pid(#{pid := OsPid}) -> OsPid.

run(P, Command, Options) -> call(P, {run, Command, Options}).
manage(P, OsPid, Options) -> call(P, {manage, OsPid, Options}).
stop(P, OsPid) -> call(P, {stop, OsPid}).
kill(P, OsPid, Signal) -> call(P, {kill, OsPid, Signal}).
list(P) -> call(P, {list}).
setpgid(P, OsPid, Group) -> call(P, {setpgid, OsPid, Group}).
debug(P, Level) -> call(P, {debug, Level}).
shutdown(P) -> cast(P, {shutdown}).

%% As much in one frame as fits.
stdin(P, OsPid, <<Part:60000/binary, Rest/binary>>) when Rest =/= <<>> ->
    cast(P, {stdin, OsPid, Part}),
    stdin(P, OsPid, Rest);
stdin(P, OsPid, DataOrEof) ->
    cast(P, {stdin, OsPid, DataOrEof}).

call(P, Instruction) -> ask(P, {call, Instruction}).

%% With a number of the caller's.
call(P, Id, Instruction) -> ask(P, {call, Id, Instruction}).

cast(#{server := Server}, Instruction) ->
    Server ! {cast, Instruction},
    ok.

%% Any bytes as one frame.
send_frame(#{server := Server}, Bytes) ->
    Server ! {frame, Bytes},
    ok.

close(P) -> ask(P, close).
is_open(P) -> ask(P, is_open).
faults(P) -> ask(P, faults).

%% When the program has ended.
exit_code(P) -> ask(P, exit_code).

%% All about a process, from {pid, OsPid} to {exit_status, Status}.
log(P, OsPid) -> ask(P, {log, OsPid}).

next(OsPid) ->
    receive
        {exec_port, OsPid, Event} -> Event
    end.

%% Status and output of a process that was started by the caller.
outcome(OsPid) -> outcome_of(OsPid, [], []).

outcome(P, Command, Options) ->
    {pid, OsPid} = run(P, Command, Options),
    outcome(OsPid).

outcome_of(OsPid, Out, Err) ->
    case next(OsPid) of
        {stdout, Data} -> outcome_of(OsPid, [Out, Data], Err);
        {stderr, Data} -> outcome_of(OsPid, Out, [Err, Data]);
        {exit_status, Status} -> {Status, iolist_to_binary(Out), iolist_to_binary(Err)}
    end.

ask(#{server := Server}, What) ->
    Ref = make_ref(),
    Server ! {ask, {self(), Ref}, What},
    receive
        {Ref, Answer} -> Answer
    end.

%% The process that owns the port.

init(Owner, Options) ->
    process_flag(trap_exit, true),
    Port = open(Options),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    Owner ! {self(), OsPid},
    loop(#state{port = Port, owner = Owner}).

open(#{path := Path} = Options) ->
    Numbers = maps:get(descriptors, Options, standard) =:= numbers,
    Args = ["-n" || Numbers] ++ maps:get(args, Options, []),
    {Program, Words} =
        case Options of
            #{shell := Script} -> {"/bin/sh", ["-c", Script, "sh", Path | Args]};
            #{} -> {Path, Args}
        end,
    open_port({spawn_executable, Program},
              [nouse_stdio || Numbers] ++
              [{packet, maps:get(packet, Options, 2)}, binary, exit_status, {args, Words}, {env, maps:get(env, Options, [])}]).

loop(#state{port = Port, owner = Owner} = S) ->
    receive
        {ask, From, What} -> loop(asked(What, From, S));
        {cast, Instruction} -> loop(send(0, Instruction, S));
        {frame, Bytes} -> loop(command(Bytes, S));
        {Port, {data, Data}} -> loop(told(binary_to_term(Data), S));
        {Port, {exit_status, Code}} -> loop(ended(Code, S));
        {'EXIT', Owner, Reason} -> exit(Reason);
        {'EXIT', Port, _} -> loop(S)
    end.

answer({Process, Ref}, Answer) -> Process ! {Ref, Answer}.

asked({call, Instruction}, From, #state{next = Id} = S) ->
    asked({call, Id, Instruction}, From, S#state{next = Id + 1});
asked({call, _, _}, From, #state{exit_code = Code} = S) when Code =/= undefined ->
    answer(From, {ended, Code}),
    S;
asked({call, Id, Instruction}, From, #state{waiting = Waiting, order = Order} = S) ->
    send(Id, Instruction, S#state{waiting = Waiting#{Id => From}, order = queue:in(Id, Order)});
asked(exit_code, From, #state{exit_code = undefined, exit_waiters = Waiters} = S) ->
    S#state{exit_waiters = [From | Waiters]};
asked(What, From, S) ->
    answer(From, known(What, S)),
    S.

known(close, #state{port = Port}) -> catch port_close(Port), ok;
known(is_open, #state{port = Port}) -> erlang:port_info(Port) =/= undefined;
known(faults, #state{faults = Faults}) -> lists:reverse(Faults);
known(exit_code, #state{exit_code = Code}) -> Code;
known({log, OsPid}, #state{children = Children}) ->
    case Children of
        #{OsPid := #child{log = Log}} -> lists:reverse(Log);
        #{} -> []
    end.

send(Id, Instruction, S) -> command(term_to_binary({Id, Instruction}), S).

command(Bytes, #state{port = Port} = S) ->
    catch port_command(Port, Bytes), % badarg when the program has gone
    S.

ended(Code, #state{exit_waiters = Waiters, waiting = Waiting} = S) ->
    [answer(W, Code) || W <- Waiters],
    [answer(W, {ended, Code}) || W <- maps:values(Waiting)],
    S#state{exit_code = Code, exit_waiters = [], waiting = #{}}.

told({0, ok}, S) -> S;
told({0, {Kind, OsPid, What}}, S) -> event(OsPid, {Kind, What}, S);
told({Id, Reply}, #state{waiting = Waiting} = S) ->
    case maps:take(Id, Waiting) of
        {{Process, _} = From, Rest} ->
            Next = replied(Reply, Process, in_turn(Id, S#state{waiting = Rest})),
            answer(From, Reply),
            Next;
        error ->
            fault({unasked, {Id, Reply}}, S)
    end;
told(Other, S) -> fault({unknown, Other}, S).

%% erlexec numbers all requests alike, and tells replies apart by their order.
in_turn(Id, #state{order = Order} = S) ->
    case queue:out(Order) of
        {{value, Id}, Rest} -> S#state{order = Rest};
        {{value, Other}, _} -> fault({reply_out_of_turn, Id, Other},
                                     S#state{order = queue:delete(Id, Order)})
    end.

replied({pid, OsPid}, Process, #state{children = Children} = S) ->
    case Children of
        #{OsPid := #child{ended = false}} -> S; % managed already
        #{} -> S#state{children = Children#{OsPid => #child{owner = Process,
                                                            log = [{pid, OsPid}]}}}
    end;
replied(_, _, S) -> S.

event(OsPid, {Kind, _} = Event, #state{children = Children} = S) ->
    case Children of
        #{OsPid := #child{owner = Owner, log = Log, ended = false} = C} ->
            Owner ! {exec_port, OsPid, Event},
            New = C#child{log = [Event | Log], ended = Kind =:= exit_status},
            S#state{children = Children#{OsPid := New}};
        #{OsPid := #child{}} -> fault({after_the_exit, OsPid, Event}, S);
        #{} -> fault({event_of_nobody, OsPid, Event}, S)
    end.

fault(What, #state{faults = Faults} = S) -> S#state{faults = [What | Faults]}.
