%% Commands of other users, and who may start the port.

-module(user_tests).
-export([the_own_user_can_be_named/1, an_unknown_user_is_refused/1,
         another_user_needs_rights/1, another_user_comes_with_its_groups/1,
         files_are_opened_as_the_user/1, so_are_those_of_a_start_that_fails/1, directories_are_entered_as_the_user/1,
         a_kill_command_runs_as_the_user/1, others_can_be_stopped/1, nobody_gets_the_ports_files/1,
         nor_its_memory/1,
         capabilities_are_kept/1, root_has_all_and_passes_these_on/1,
         a_port_of_root_can_be_that_of_another_user/1,
         a_port_that_left_root_keeps_little/1, a_terminal_is_the_users/1, capabilities_can_be_kept_for_commands/1,
         an_unknown_capability_is_refused/1, a_capability_that_it_does_not_have_is_refused/1,
         replies_are_in_the_order_of_requests/1, a_list_is_that_of_its_turn/1,
         the_own_user_comes_with_its_groups/1, a_kill_command_runs_as_the_owner_of_a_managed_process/1,
         a_refused_user_is_named_and_touches_no_file/1,
         only_root_has_to_name_its_user/1, it_tells_who_it_is/1]).

-define(ID, ["/usr/bin/id", "-un"]).

the_own_user_can_be_named(#{identity := Identity} = P) ->
    Line = list_to_binary(Identity ++ "\n"),
    {0, Line, <<>>} = exec_port:outcome(P, ?ID, [{user, Identity}, stdout, stderr]).

an_unknown_user_is_refused(P) ->
    {error, "Invalid user nobody-of-that-name" ++ _} =
        exec_port:run(P, "true", [{user, "nobody-of-that-name"}]).

another_user_needs_rights(#{identity := "root"} = P) ->
    {0, <<"nobody\n65534\n">>, <<>>} =
        exec_port:outcome(P, "id -un; id -G", [{user, "nobody"}, stdout, stderr]);
another_user_needs_rights(P) ->
    {256, <<>>, Says} = exec_port:outcome(P, ?ID, [{user, "root"}, stdout, stderr]),
    {match, _} = re:run(Says, "Operation not permitted").

another_user_comes_with_its_groups(P) ->
    as_root(P),
    Ids = "^(Uid|Gid|Groups):",
    Wanted = <<"Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
               "Groups:\t65534 \n">>,
    {0, Wanted, <<>>} = exec_port:outcome(P, ["/bin/grep", "-E", Ids, "/proc/self/status"],
                                          [{user, "nobody"}, stdout, stderr]).

files_are_opened_as_the_user(#{dir := Directory} = P) ->
    as_root(P),
    ok = file:change_mode(Directory, 8#700),
    Hidden = filename:join(Directory, "out"),
    {error, "Couldn't start pid: Failed to redirect stdout to file: Permission denied"} =
        exec_port:run(P, "echo out", [{user, "nobody"}, {stdout, Hidden}]),
    {error, enoent} = file:read_file(Hidden),
    ok = file:change_mode(Directory, 8#777),
    {0, <<>>, <<>>} = exec_port:outcome(P, "echo out; echo err >&2",
                                        [{user, "nobody"}, {stdout, Hidden}, {stderr, stdout}]),
    {ok, <<"out\nerr\n">>} = file:read_file(Hidden),
    {0, <<"65534\n">>} = os_process:run("/usr/bin/stat", ["-c", "%u", Hidden], []).

%% Nobody's link to a file of root's: whatever tells of the failure must not write there.
so_are_those_of_a_start_that_fails(#{dir := Directory} = P) ->
    as_root(P),
    ok = file:change_mode(Directory, 8#777),
    [Roots, Link, Own] = [filename:join(Directory, Name) || Name <- ["roots", "link", "own"]],
    ok = file:write_file(Roots, "precious"),
    ok = file:change_mode(Roots, 8#600),
    ok = file:make_symlink(Roots, Link),
    [begin
         {error, "Couldn't start pid: Failed to redirect stdout to file: Permission denied"} =
             exec_port:run(P, ["/bin/true"], [{user, "nobody"}, {stdout, Link}, {stderr, stdout} | Fails]),
         {256, <<>>, <<>>} = exec_port:outcome(P, ["/bin/true"], [{user, "nobody"}, {stdout, Own},
                                                                  {stderr, stdout} | Fails]),
         {ok, Says} = file:read_file(Own),
         {match, _} = re:run(Says, Text),
         {0, <<"65534\n">>} = os_process:run("/usr/bin/stat", ["-c", "%u", Own], [])
     end || {Fails, Text} <- [{[{group, 123456}], "^Cannot set effective group to 123456: "},
                              {[{cd, "/nonexistent"}], "^Cannot chdir to '/nonexistent': "},
                              {[{executable, "/nonexistent"}], "^Pid [0-9]+: cannot execute '/nonexistent': "}]],
    {ok, <<"precious">>} = file:read_file(Roots).

directories_are_entered_as_the_user(#{dir := Directory} = P) ->
    as_root(P),
    ok = file:change_mode(Directory, 8#700),
    {256, <<>>, Says} = exec_port:outcome(P, "pwd", [{user, "nobody"}, {cd, Directory}, stdout,
                                                     stderr]),
    Says = iolist_to_binary(["Cannot chdir to '", Directory, "': Permission denied\n"]).

a_kill_command_runs_as_the_user(#{dir := Directory} = P) ->
    as_root(P),
    ok = file:change_mode(Directory, 8#777),
    File = filename:join(Directory, "who"),
    {pid, OsPid} = exec_port:run(P, "echo ready; exec sleep 1000",
                                 [{user, "nobody"}, stdout,
                                  {kill, "id -un >'" ++ File ++ "'; kill $CHILD_PID"}]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    ok = exec_port:stop(P, OsPid),
    {0, <<>>, <<>>} = exec_port:outcome(OsPid),
    {ok, <<"nobody\n">>} = file:read_file(File).

%% Also from a port that is not root any more.
others_can_be_stopped(P) ->
    as_root(P),
    Own = exec_port:start(P#{args => ["-user", "nobody"]}),
    [begin
         {pid, OsPid} = exec_port:run(Port, "id -un; exec sleep 1000",
                                      [{user, "daemon"}, stdout, stderr]),
         {stdout, <<"daemon\n">>} = exec_port:next(OsPid),
         ok = exec_port:stop(Port, OsPid),
         {0, <<>>, <<>>} = exec_port:outcome(OsPid)
     end || Port <- [P, Own]],
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

nobody_gets_the_ports_files(P) ->
    as_root(P),
    {0, <<"0\n1\n2\n3\n">>, <<>>} =
        exec_port:outcome(P, ["/bin/ls", "/proc/self/fd"],
                          [{user, "nobody"}, stdin, stdout, stderr]).

%% A file that the port opens, or a link to one, may be the port itself.
nor_its_memory(#{dir := Directory} = P) ->
    as_root(P),
    ok = file:change_mode(Directory, 8#777),
    Link = filename:join(Directory, "link"),
    ok = file:make_symlink("/proc/self/mem", Link),
    Ambient = "exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+setuid,+setgid "
              "--ambient-caps=+setuid,+setgid \"$@\"",
    [begin
         Own = exec_port:start(maps:merge(P, How)),
         {error, "Couldn't start pid: Failed to redirect " ++ _} =
             exec_port:run(Own, ["/bin/true"], [{Stream, Link}]),
         exec_port:shutdown(Own),
         0 = exec_port:exit_code(Own)
     end || How <- [#{args => ["-user", "nobody"]}, #{shell => Ambient, args => []}],
            Stream <- [stdin, stdout]],
    % Nor its descriptors: those of the VM's frames.
    [begin
         Own = exec_port:start(P#{args => ["-user", User], descriptors => numbers}),
         [{error, "Couldn't start pid: Failed to redirect stdin to file: No such file or directory"} =
              exec_port:run(Own, ["/bin/true"], [{stdin, "/proc/self/fd/" ++ Number}])
          || Number <- ["3", "4"]],
         exec_port:shutdown(Own),
         0 = exec_port:exit_code(Own)
     end || User <- ["nobody", "root"]].

capabilities_are_kept(P) ->
    as_root(P),
    Sets = fun(Capabilities) ->
        {0, Text, <<>>} = exec_port:outcome(P, ["/bin/grep", "-E", "^Cap(Inh|Prm|Eff|Amb)",
                                                "/proc/self/status"],
                                            [{user, "nobody"}, {capabilities, Capabilities},
                                             stdout, stderr]),
        [Set || <<"Cap", _:3/binary, ":\t", Set/binary>> <- binary:split(Text, <<"\n">>, [global])]
    end,
    [<<"0000000000000420">>] = lists:usort(Sets([net_bind_service, kill])),
    [<<"0000000000000000">>] = lists:usort(Sets([])),
    [All] = lists:usort(Sets(all)),
    true = binary_to_integer(All, 16) > 16#420,
    {error, "badarg: capability 'fly' is invalid"} =
        exec_port:run(P, "true", [{user, "nobody"}, {capabilities, [fly]}]).

root_has_all_and_passes_these_on(P) ->
    as_root(P),
    Sets = fun(Options) ->
        {0, Text, <<>>} = exec_port:outcome(P, ["/bin/grep", "-E", "^Cap(Inh|Prm|Eff|Amb)",
                                                "/proc/self/status"], Options ++ [stdout, stderr]),
        [Set || <<"Cap", _:3/binary, ":\t", Set/binary>> <- binary:split(Text, <<"\n">>, [global])]
    end,
    [_, All, All, _] = Sets([]),
    Kept = <<"0000000000000400">>,
    [Kept, All, All, Kept] = Sets([{capabilities, [net_bind_service]}]).

a_port_of_root_can_be_that_of_another_user(P) ->
    as_root(P),
    Own = exec_port:start(P#{args => ["-user", "nobody"]}),
    {0, <<"nobody\n">>, <<>>} = exec_port:outcome(Own, ?ID, [stdout, stderr]),
    {0, <<"daemon\n">>, <<>>} = exec_port:outcome(Own, ?ID, [{user, "daemon"}, stdout, stderr]),
    {256, <<>>, Says} = exec_port:outcome(Own, ?ID, [{user, "root"}, stdout, stderr]),
    <<"Cannot set effective user to 0: Operation not permitted\n">> = Says,
    {0, <<"-5\n">>, <<>>} = exec_port:outcome(Own, ["/usr/bin/nice"], [{nice, -5}, stdout, stderr]),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

%% cap_kill, cap_setgid, cap_setuid and cap_sys_nice, and nothing that its commands inherit.
a_port_that_left_root_keeps_little(P) ->
    as_root(P),
    Own = exec_port:start(P#{args => ["-user", "nobody"]}),
    [] = exec_port:list(Own),
    {ok, Status} = file:read_file("/proc/" ++ integer_to_list(exec_port:os_pid(Own)) ++ "/status"),
    [{match, _} = re:run(Status, Line, [multiline])
     || Line <- ["^Uid:\t65534\t65534\t65534\t65534$", "^Gid:\t65534\t65534\t65534\t65534$",
                 "^Groups:\t65534 $", "^CapPrm:\t00000000008000e0$", "^CapEff:\t00000000008000e0$",
                 "^CapInh:\t0000000000000000$", "^CapAmb:\t0000000000000000$"]],
    {0, <<"CapEff:\t0000000000000000\n">>, <<>>} =
        exec_port:outcome(Own, ["/bin/grep", "CapEff", "/proc/self/status"], [stdout, stderr]),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

%% Also when the port may no longer give it away: its commands of its own user must not read it.
a_terminal_is_the_users(P) ->
    as_root(P),
    [begin
         Own = exec_port:start(P#{args => ["-user", User]}),
         {0, <<"daemon\r\nown\r\n">>, <<>>} =
             exec_port:outcome(Own, "stat --format=%U $(tty); echo own >$(tty)",
                               [pty, {user, "daemon"}, stdin, stdout, stderr]),
         exec_port:shutdown(Own),
         0 = exec_port:exit_code(Own)
     end || User <- ["root", "nobody"]].

capabilities_can_be_kept_for_commands(P) ->
    as_root(P),
    [begin
         Own = exec_port:start(P#{args => ["-user", "nobody", "-cap", Names]}),
         {0, <<"CapEff:\t0000000000000400\n">>, <<>>} =
             exec_port:outcome(Own, ["/bin/grep", "CapEff", "/proc/self/status"],
                               [{capabilities, [net_bind_service, sys_admin]}, stdout, stderr]),
         exec_port:shutdown(Own),
         0 = exec_port:exit_code(Own)
     end || Names <- ["net_bind_service", "cap_net_bind_service,cap_net_raw"]].

an_unknown_capability_is_refused(#{args := Args} = P) ->
    {8, Says} = program(P, Args ++ ["-cap", "kill,fly"]),
    {match, _} = re:run(Says, "there is no capability 'fly'").

%% Starts as other users take their time, and come to their end in any order. That each reply is in
%% its turn is checked of all (exec_port:faults).
replies_are_in_the_order_of_requests(P) ->
    as_root(P),
    Parent = self(),
    Users = [[], [{user, "nobody"}], [], [{user, "daemon"}], []],
    Callers = [spawn_link(fun() -> ask_in_turn(P, lists:nth(N rem 5 + 1, Users), N),
                                   Parent ! {self(), done} end) || N <- lists:seq(1, 60)],
    [receive {Caller, done} -> ok end || Caller <- Callers].

ask_in_turn(P, User, N) ->
    Line = list_to_binary(integer_to_list(N) ++ "\n"),
    {0, Line, <<>>} = exec_port:outcome(P, ["/bin/echo", integer_to_list(N)],
                                        User ++ [stdout, stderr]),
    true = is_list(exec_port:list(P)),
    {ok, 0} = exec_port:debug(P, 0),
    {error, "Invalid user nobody-of" ++ _} =
        exec_port:run(P, "true", [{user, "nobody-of-that-name"}]),
    {pid, OsPid} = exec_port:run(P, ["/bin/sleep", "1000"], User),
    ok = exec_port:kill(P, OsPid, 9),
    {9, <<>>, <<>>} = exec_port:outcome(OsPid).

%% A start as another user takes its time, and the replies to later requests wait for it.
a_list_is_that_of_its_turn(#{server := Server} = P) ->
    as_root(P),
    Sleep = fun(Options) -> {run, ["/bin/sleep", "1000"], Options} end,
    Asked = [begin
                 Ref = make_ref(),
                 Server ! {ask, {self(), Ref}, {call, Instruction}},
                 Ref
             end || Instruction <- [Sleep([{user, "nobody"}]), {list}, Sleep([])]],
    [{pid, First}, [First], {pid, Second}] = [receive {Ref, Answer} -> Answer end || Ref <- Asked],
    [ok = exec_port:stop(P, OsPid) || OsPid <- [First, Second]],
    [{0, <<>>, <<>>} = exec_port:outcome(OsPid) || OsPid <- [First, Second]].

the_own_user_comes_with_its_groups(P) ->
    as_root(P),
    Own = exec_port:start(P#{shell => "exec setpriv --regid 5 --groups 5,6 \"$@\""}),
    Groups = fun(Options) ->
        {0, Text, <<>>} = exec_port:outcome(Own, "id -g; id -G", [stdout, stderr | Options]),
        Text
    end,
    <<"5\n5 6\n">> = Groups([]),
    {_, AsRoot} = os_process:run("/usr/bin/setpriv", ["--regid", "0", "--init-groups", "--reuid", "0",
                                                     "/bin/sh", "-c", "id -g; id -G"], []),
    AsRoot = Groups([{user, "root"}]),
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

a_kill_command_runs_as_the_owner_of_a_managed_process(#{dir := Directory} = P) ->
    as_root(P),
    ok = file:change_mode(Directory, 8#777),
    File = filename:join(Directory, "who"),
    Other = exec_port:start(P),
    {pid, OsPid} = exec_port:run(Other, "echo ready; exec sleep 1000", [{user, "daemon"}, stdout]),
    {stdout, <<"ready\n">>} = exec_port:next(OsPid),
    {pid, OsPid} = exec_port:manage(P, OsPid, [{kill, "id -un >'" ++ File ++ "'; id -G >>'" ++ File ++
                                                      "'; kill $CHILD_PID"}]),
    ok = exec_port:stop(P, OsPid),
    [{exit_status, _} = exec_port:next(OsPid) || _ <- [P, Other]],
    {ok, <<"daemon\n1\n">>} = file:read_file(File),
    exec_port:shutdown(Other),
    0 = exec_port:exit_code(Other).

a_refused_user_is_named_and_touches_no_file(#{identity := Identity, dir := Directory} = P) ->
    Own = exec_port:start(P#{args => ["-user", case Identity of "root" -> "nobody"; _ -> Identity end]}),
    File = filename:join(Directory, "out"),
    {256, <<>>, Says} = exec_port:outcome(Own, ?ID, [{user, "root"}, {stdout, File}, stderr]),
    <<"Cannot set effective user to 0: Operation not permitted\n">> = Says,
    {error, enoent} = file:read_file(File),
    case Identity of
        "root" -> ok;
        _ -> {256, <<>>, Of} = exec_port:outcome(Own, ?ID, [{user, "daemon"}, {stdout, File}, stderr]),
             <<"Cannot set effective user to 1: Operation not permitted\n">> = Of,
             {error, enoent} = file:read_file(File)
    end,
    exec_port:shutdown(Own),
    0 = exec_port:exit_code(Own).

a_capability_that_it_does_not_have_is_refused(#{path := Path, env := Env} = P) ->
    as_root(P),
    {9, Says} = os_process:run("/usr/bin/setpriv", ["--bounding-set=-net_raw", Path, "-user", "nobody",
                                                   "-cap", "kill,net_raw"],
                               [{env, Env}, stderr_to_stdout, in]),
    {match, _} = re:run(Says, "cannot keep cap_net_raw").

as_root(#{identity := "root"}) -> ok;
as_root(_) -> run_tests:skipped("not root").

only_root_has_to_name_its_user(#{identity := "root"} = P) ->
    {4, Says} = program(P, []),
    {match, _} = re:run(Says, "-user");
only_root_has_to_name_its_user(P) ->
    {4, _} = program(P, ["-user", "root"]).

it_tells_who_it_is(#{identity := Identity} = P) ->
    Line = list_to_binary(Identity ++ "\n"),
    {0, Line} = program(P, ["--whoami"]),
    % Standard output is for frames.
    #{path := Path, env := Env} = P,
    {0, <<>>} = os_process:run("/bin/sh", ["-c", "\"$0\" --whoami 2>/dev/null", Path], [{env, Env}]).

program(#{path := Path, env := Env}, Args) ->
    os_process:run(Path, Args, [{env, Env}, stderr_to_stdout, in]).
