%% Commands of other users, and who may start the port.

-module(user_tests).
-export([the_own_user_can_be_named/1, an_unknown_user_is_refused/1,
         another_user_needs_rights/1, a_port_of_root_can_be_that_of_another_user/1,
         only_root_has_to_name_its_user/1, it_tells_who_it_is/1]).

-define(ID, ["/usr/bin/id", "-un"]).

the_own_user_can_be_named(#{identity := Identity} = P) ->
    Line = list_to_binary(Identity ++ "\n"),
    {0, Line, <<>>} = exec_port:outcome(P, ?ID, [{user, Identity}, stdout, stderr]).

an_unknown_user_is_refused(P) ->
    {error, "Invalid user nobody-of-that-name" ++ _} =
        exec_port:run(P, "true", [{user, "nobody-of-that-name"}]).

another_user_needs_rights(#{identity := "root"} = P) ->
    case exec_port:run(P, "id -un; id -G", [{user, "nobody"}, stdout, stderr]) of
        {error, "user - running as another user is not supported" ++ _} ->
            run_tests:skipped("no other users in this version");
        {pid, OsPid} ->
            {0, <<"nobody\n65534\n">>, <<>>} = exec_port:outcome(OsPid)
    end;
another_user_needs_rights(P) ->
    {256, <<>>, Says} = exec_port:outcome(P, ?ID, [{user, "root"}, stdout, stderr]),
    {match, _} = re:run(Says, "Operation not permitted").

a_port_of_root_can_be_that_of_another_user(#{identity := "root"} = P) ->
    case os_process:run(maps:get(path, P), ["-user", "nobody"],
                        [{env, maps:get(env, P)}, stderr_to_stdout, in]) of
        {4, Says} ->
            {match, _} = re:run(Says, "not supported by this version"),
            run_tests:skipped("no other users in this version");
        {0, <<>>} ->
            Own = exec_port:start(P#{args => ["-user", "nobody"]}),
            {0, <<"nobody\n">>, <<>>} = exec_port:outcome(Own, ?ID, [stdout, stderr]),
            exec_port:shutdown(Own),
            0 = exec_port:exit_code(Own)
    end;
a_port_of_root_can_be_that_of_another_user(_) ->
    run_tests:skipped("not root").

only_root_has_to_name_its_user(#{identity := "root"} = P) ->
    {4, Says} = program(P, []),
    {match, _} = re:run(Says, "-user");
only_root_has_to_name_its_user(P) ->
    {4, _} = program(P, ["-user", "root"]).

it_tells_who_it_is(#{identity := Identity} = P) ->
    Line = list_to_binary(Identity ++ "\n"),
    {0, Line} = program(P, ["--whoami"]).

program(#{path := Path, env := Env}, Args) ->
    os_process:run(Path, Args, [{env, Env}, stderr_to_stdout, in]).
