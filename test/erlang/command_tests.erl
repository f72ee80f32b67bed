%% What is run, in which surroundings, and how its end is told.

-module(command_tests).
-export([a_shell_line_is_run_by_the_shell/1, a_binary_is_a_shell_line/1,
         a_list_is_run_without_a_shell/1, a_list_is_not_searched_in_path/1,
         strings_of_a_list_may_be_empty_or_binary/1, an_empty_command_is_refused/1,
         a_command_of_another_type_is_refused/1, exit_codes_come_as_raw_status/1,
         a_signal_comes_as_raw_status/1, success_exit_code_replaces_0_only/1,
         a_missing_program_ends_with_256/1, a_missing_directory_ends_with_256/1,
         environment_is_added/1, environment_is_cleared/1, a_variable_is_removed/1,
         a_variable_can_be_empty/1, wrong_environment_is_refused/1, cd_is_the_directory/1,
         executable_replaces_the_program/1, executable_replaces_the_shell/1, nice_is_in_force/1,
         group_0_is_a_new_group/1, a_group_can_be_joined/1, without_group_it_is_that_of_the_port/1,
         signals_are_as_by_default/1, only_standard_descriptors_are_inherited/1,
         a_command_may_fill_a_frame/1, the_reply_comes_before_the_events/1]).

-define(BOTH, [stdout, stderr]).

a_shell_line_is_run_by_the_shell(P) ->
    {0, <<"3 here\n">>, <<>>} = exec_port:outcome(P, "echo $((1 + 2)) here", ?BOTH).

a_binary_is_a_shell_line(P) ->
    {0, <<"3\n">>, <<>>} = exec_port:outcome(P, <<"echo $((1 + 2))">>, ?BOTH).

a_list_is_run_without_a_shell(P) ->
    {0, <<"a b $HOME ;\n">>, <<>>} =
        exec_port:outcome(P, ["/bin/echo", "a b", "$HOME", ";"], ?BOTH).

a_list_is_not_searched_in_path(P) ->
    {256, <<>>, _} = exec_port:outcome(P, ["echo", "found"], ?BOTH).

strings_of_a_list_may_be_empty_or_binary(P) ->
    Command = [<<"/usr/bin/printf">>, "<%s>", "", <<>>, <<195, 164, 255>>, "z"],
    {0, <<"<><><", 195, 164, 255, "><z>">>, <<>>} = exec_port:outcome(P, Command, ?BOTH).

an_empty_command_is_refused(P) ->
    [{error, "empty command provided"} = exec_port:run(P, C, []) || C <- ["", <<>>, [""], [<<>>]]].

a_command_of_another_type_is_refused(P) ->
    [{error, "badarg: cmd string" ++ _} = exec_port:run(P, C, ?BOTH)
     || C <- [true, 5, 1.5, #{}, {"/bin/true"}, self()]].

exit_codes_come_as_raw_status(P) ->
    [{Raw, <<>>, <<>>} = exec_port:outcome(P, "exit " ++ integer_to_list(Raw div 256), ?BOTH)
     || Raw <- [0, 1 * 256, 7 * 256, 255 * 256]].

a_signal_comes_as_raw_status(P) ->
    [{S, <<>>, <<>>} = exec_port:outcome(P, "kill -" ++ integer_to_list(S) ++ " $$", ?BOTH)
     || S <- [1, 2, 9, 13, 15]],
    {6, _, _} = exec_port:outcome(P, "ulimit -c 0; kill -ABRT $$", []).

success_exit_code_replaces_0_only(P) ->
    {42, _, _} = exec_port:outcome(P, "true", [{success_exit_code, 42}]),
    {512, _, _} = exec_port:outcome(P, "exit 2", [{success_exit_code, 42}]).

a_missing_program_ends_with_256(P) ->
    {pid, OsPid} = exec_port:run(P, ["/nowhere/program", "x"], ?BOTH),
    Says = iolist_to_binary(io_lib:format("Pid ~b: cannot execute '/nowhere/program': "
                                          "No such file or directory\n", [OsPid])),
    {256, <<>>, Says} = exec_port:outcome(OsPid),
    [{pid, OsPid}, {stderr, Says}, {exit_status, 256}] = exec_port:log(P, OsPid).

a_missing_directory_ends_with_256(P) ->
    {256, <<>>, Says} = exec_port:outcome(P, "echo here", [{cd, "/nowhere"} | ?BOTH]),
    {match, _} = re:run(Says, "/nowhere.*No such file or directory\n").

environment_is_added(P) ->
    Env = [{"ONE", "1"}, "TWO=2=2", {<<"THREE">>, <<"3">>}],
    {0, <<"1 2=2 3 /bin/sh\n">>, <<>>} =
        exec_port:outcome(P, "echo $ONE $TWO $THREE $SHELL", [{env, Env} | ?BOTH]).

environment_is_cleared(P) ->
    {0, <<"A=1\n">>, <<>>} =
        exec_port:outcome(P, ["/usr/bin/env"], [{env, [clear, {"A", "1"}]} | ?BOTH]),
    {0, <<>>, <<>>} = exec_port:outcome(P, ["/usr/bin/env"], [{env, [clear]} | ?BOTH]).

a_variable_is_removed(P) ->
    {0, <<"unset\n">>, <<>>} =
        exec_port:outcome(P, ["/bin/sh", "-c", "echo ${SHELL-unset}"],
                          [{env, [{"SHELL", false}]} | ?BOTH]).

a_variable_can_be_empty(P) ->
    {0, <<"<>\n">>, <<>>} =
        exec_port:outcome(P, "echo \"<${EMPTY-unset}>\"", [{env, [{"EMPTY", ""}]} | ?BOTH]).

wrong_environment_is_refused(P) ->
    {error, "env - invalid env argument #0"} = exec_port:run(P, "true", [{env, ["NOVALUE"]}]),
    {error, "env - invalid env argument #1"} =
        exec_port:run(P, "true", [{env, [{"A", "1"}, {"", "2"}]}]).

cd_is_the_directory(#{dir := Directory} = P) ->
    Line = list_to_binary(Directory ++ "\n"),
    {0, Line, <<>>} = exec_port:outcome(P, "pwd -P", [{cd, Directory} | ?BOTH]).

executable_replaces_the_program(P) ->
    {0, <<"me\n">>, <<>>} =
        exec_port:outcome(P, ["me", "-c", "echo $0"], [{executable, "/bin/sh"} | ?BOTH]).

executable_replaces_the_shell(P) ->
    {0, <<"-c line\n">>, <<>>} =
        exec_port:outcome(P, "line", [{executable, "/bin/echo"} | ?BOTH]).

nice_is_in_force(P) ->
    {0, Before, <<>>} = exec_port:outcome(P, "nice", ?BOTH),
    Now = integer_to_binary(min(19, binary_to_integer(string:trim(Before)) + 5)),
    {0, After, <<>>} = exec_port:outcome(P, "nice", [{nice, binary_to_integer(Now)} | ?BOTH]),
    Now = string:trim(After),
    {error, "nice option must be an integer between -20 and 20"} =
        exec_port:run(P, "nice", [{nice, 21}]).

group_0_is_a_new_group(P) ->
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", [{group, 0}]),
    OsPid = os_process:group(OsPid),
    ok = exec_port:kill(P, OsPid, 9),
    {9, _, _} = exec_port:outcome(OsPid).

a_group_can_be_joined(P) ->
    {pid, Leader} = exec_port:run(P, "exec sleep 1000", [{group, 0}]),
    {pid, Member} = exec_port:run(P, "exec sleep 1000", [{group, Leader}]),
    Leader = os_process:group(Member),
    [begin ok = exec_port:kill(P, OsPid, 9), {9, _, _} = exec_port:outcome(OsPid) end
     || OsPid <- [Leader, Member]].

without_group_it_is_that_of_the_port(P) ->
    Port = exec_port:os_pid(P),
    Port = os_process:group(Port),
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", []),
    Port = os_process:group(OsPid),
    ok = exec_port:kill(P, OsPid, 9),
    {9, _, _} = exec_port:outcome(OsPid).

signals_are_as_by_default(P) ->
    {0, Masks, <<>>} = exec_port:outcome(P, ["/bin/cat", "/proc/self/status"], ?BOTH),
    [{match, _} = re:run(Masks, [Name, ":\\s+0+$"], [multiline])
     || Name <- ["SigBlk", "SigIgn"]].

only_standard_descriptors_are_inherited(P) ->
    % Others are there to be inherited, those of a running process among them.
    {pid, Other} = exec_port:run(P, "exec cat", [stdin | ?BOTH]),
    {0, <<"0\n1\n2\n3\n">>, <<>>} = % the last one is that of ls
        exec_port:outcome(P, ["/bin/ls", "/proc/self/fd"], [stdin | ?BOTH]),
    exec_port:stdin(P, Other, eof),
    {0, <<>>, <<>>} = exec_port:outcome(Other).

a_command_may_fill_a_frame(P) ->
    Long = lists:duplicate(65000, $x),
    {0, Output, <<>>} = exec_port:outcome(P, ["/bin/echo", Long], ?BOTH),
    Output = list_to_binary(Long ++ "\n").

the_reply_comes_before_the_events(P) ->
    [begin
         {pid, OsPid} = exec_port:run(P, ["/bin/echo", "out"], ?BOTH),
         {0, <<"out\n">>, <<>>} = exec_port:outcome(OsPid),
         [{pid, OsPid}, {stdout, <<"out\n">>}, {exit_status, 0}] = exec_port:log(P, OsPid)
     end || _ <- lists:seq(1, 50)].
