%% What is sent to commands.

-module(stdin_tests).
-export([data_and_eof_arrive/1, eof_alone_ends_the_input/1, nothing_is_sent_without_stdin/1,
         stdin_can_be_a_file/1, stdin_can_be_closed/1, a_megabyte_goes_through_cat/1,
         data_after_eof_is_dropped/1, data_for_nobody_is_dropped/1, empty_data_is_ignored/1,
         a_child_that_closes_its_stdin_harms_nobody/1, a_child_that_does_not_read_stalls_nobody/1,
         wrong_data_is_refused/1]).

data_and_eof_arrive(P) ->
    {pid, OsPid} = exec_port:run(P, "cat", [stdin, stdout]),
    exec_port:stdin(P, OsPid, <<"one ">>),
    exec_port:stdin(P, OsPid, <<"two">>),
    exec_port:stdin(P, OsPid, eof),
    {0, <<"one two">>, <<>>} = exec_port:outcome(OsPid).

eof_alone_ends_the_input(P) ->
    {pid, OsPid} = exec_port:run(P, "cat; exit 4", [stdin, stdout]),
    exec_port:stdin(P, OsPid, eof),
    {1024, <<>>, <<>>} = exec_port:outcome(OsPid).

nothing_is_sent_without_stdin(P) ->
    {pid, OsPid} = exec_port:run(P, "cat; echo end", [stdout]),
    exec_port:stdin(P, OsPid, <<"data">>),
    {0, <<"end\n">>, <<>>} = exec_port:outcome(OsPid).

stdin_can_be_a_file(#{dir := Directory} = P) ->
    File = filename:join(Directory, "a file"),
    ok = file:write_file(File, "content"),
    {0, <<"content">>, <<>>} = exec_port:outcome(P, "cat", [{stdin, File}, stdout]),
    {ok, <<"content">>} = file:read_file(File).

stdin_can_be_closed(P) ->
    {Status, <<>>, Says} = exec_port:outcome(P, "cat", [{stdin, close}, stdout, stderr]),
    true = Status =/= 0,
    {match, _} = re:run(Says, "Bad file descriptor").

a_megabyte_goes_through_cat(P) ->
    Data = rand:bytes(1024 * 1024),
    {pid, OsPid} = exec_port:run(P, "cat", [stdin, stdout]),
    exec_port:stdin(P, OsPid, Data),
    exec_port:stdin(P, OsPid, eof),
    {0, Back, <<>>} = exec_port:outcome(OsPid),
    true = Data =:= Back.

data_after_eof_is_dropped(P) ->
    {pid, OsPid} = exec_port:run(P, "cat", [stdin, stdout]),
    exec_port:stdin(P, OsPid, <<"before">>),
    exec_port:stdin(P, OsPid, eof),
    exec_port:stdin(P, OsPid, <<"after">>),
    exec_port:stdin(P, OsPid, eof),
    {0, <<"before">>, <<>>} = exec_port:outcome(OsPid).

data_for_nobody_is_dropped(P) ->
    {pid, Ended} = exec_port:run(P, "true", [stdin]),
    {0, <<>>, <<>>} = exec_port:outcome(Ended),
    [exec_port:stdin(P, OsPid, Data)
     || OsPid <- [Ended, 1, 0, -1, 99999999], Data <- [<<"data">>, <<>>, eof]],
    [] = exec_port:list(P).

empty_data_is_ignored(P) ->
    {pid, OsPid} = exec_port:run(P, "cat", [stdin, stdout]),
    exec_port:stdin(P, OsPid, <<>>),
    exec_port:stdin(P, OsPid, <<"data">>),
    exec_port:stdin(P, OsPid, <<>>),
    exec_port:stdin(P, OsPid, eof),
    {0, <<"data">>, <<>>} = exec_port:outcome(OsPid).

a_child_that_closes_its_stdin_harms_nobody(P) ->
    {pid, Other} = exec_port:run(P, "cat", [stdin, stdout]),
    {pid, OsPid} = exec_port:run(P, "exec 0<&-; echo closed; exec sleep 1000", [stdin, stdout]),
    {stdout, <<"closed\n">>} = exec_port:next(OsPid),
    [exec_port:stdin(P, OsPid, <<"data">>) || _ <- lists:seq(1, 10)],
    {0, <<"12345">>, <<>>} = piped(P, "head -c 5", binary:copy(<<"1234567890">>, 100000)),
    exec_port:stdin(P, Other, <<"alive">>),
    exec_port:stdin(P, Other, eof),
    {0, <<"alive">>, <<>>} = exec_port:outcome(Other),
    ok = exec_port:kill(P, OsPid, 9),
    {9, <<>>, <<>>} = exec_port:outcome(OsPid).

a_child_that_does_not_read_stalls_nobody(P) ->
    {pid, OsPid} = exec_port:run(P, "exec sleep 1000", [stdin]),
    exec_port:stdin(P, OsPid, binary:copy(<<0>>, 5 * 1024 * 1024)),
    {0, <<"alive">>, <<>>} = piped(P, "cat", <<"alive">>),
    ok = exec_port:kill(P, OsPid, 9),
    {9, <<>>, <<>>} = exec_port:outcome(OsPid).

%% With a number of its own, the request is answered.
wrong_data_is_refused(P) ->
    {error, badarg} = exec_port:call(P, {stdin, 1, foo}),
    {error, badarg} = exec_port:call(P, {stdin, foo, <<"data">>}),
    [] = exec_port:list(P).

piped(P, Command, Data) ->
    {pid, OsPid} = exec_port:run(P, Command, [stdin, stdout]),
    exec_port:stdin(P, OsPid, Data),
    exec_port:stdin(P, OsPid, eof),
    exec_port:outcome(OsPid).
