#include "../../tools/exec-port/decode_request.hpp"
#include "etf.hpp"
#include "real_terms.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

using namespace exec_port;
using etf::atom;
using etf::binary;
using etf::list;
using etf::number;
using etf::text;
using etf::tuple;
using real_terms::group;

namespace {

/// What a request with this instruction is answered with at once, or "accepted".
std::string answer_to_instruction(std::string const& instruction)
{
    auto const r = decode_request(etf::request(7, instruction));
    if (!r)
        return "malformed";
    BOOST_TEST(r->id == 7);
    auto const* why = std::get_if<refusal>(&r->body);
    if (!why)
        return "accepted";
    return why->is_atom() ? '#' + why->reason() : why->reason();
}

template <class Request>
Request accepted(std::string const& instruction)
{
    auto r = decode_request(etf::request(7, instruction));
    BOOST_REQUIRE(r.has_value());
    auto* body = std::get_if<Request>(&r->body);
    BOOST_REQUIRE(body);
    return std::move(*body);
}

std::string run(std::string const& command, std::string const& options = etf::nil())
{
    return tuple({atom("run"), command, options});
}

std::string run_answer(std::string const& command)
{
    return answer_to_instruction(run(command, list({atom("stdout")})));
}

} // namespace

BOOST_AUTO_TEST_SUITE(exec_port_decode_request)

BOOST_AUTO_TEST_CASE(requests_of_a_real_vm_are_sorted_out)
{
    for (auto const& sample : real_terms::samples) {
        if (sample.is_term())
            continue;
        BOOST_TEST_CONTEXT(sample.name)
        {
            auto const bytes = real_terms::exact(sample.bytes());
            auto const r = decode_request(real_terms::view(bytes));
            BOOST_REQUIRE(r.has_value() == (sample.what != group::malformed));
            if (!r)
                continue;
            BOOST_TEST(r->id == 7);
            BOOST_TEST(std::holds_alternative<refusal>(r->body) == (sample.what == group::refused));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_malformed)
{
    for (auto const& sample : real_terms::samples)
        for (std::size_t length = 0; length < sample.size; ++length) {
            auto const bytes = real_terms::exact(sample.bytes().substr(0, length));
            BOOST_TEST(!decode_request(real_terms::view(bytes)),
                       sample.name << " cut to " << length);
        }
}

BOOST_AUTO_TEST_CASE(every_term_in_every_place_is_answered)
{
    for (auto const& sample : real_terms::samples) {
        if (!sample.is_term())
            continue;
        std::string const t(sample.bytes().substr(1));
        for (std::string const& instruction :
             {tuple({t}), tuple({t, t}), tuple({atom("stop"), t}), tuple({atom("kill"), t, t}),
              tuple({atom("stdin"), t, t}), tuple({atom("winsz"), t, t, t}),
              tuple({atom("debug"), t}), tuple({atom("list"), t}), tuple({atom("manage"), t, t}),
              tuple({atom("pty_opts"), number(1), t}),
              tuple({atom("pty_opts"), number(1), list({t, t})}), run(t), run(text("x"), t),
              run(text("x"), list({t})), run(list({t, t}))})
            BOOST_TEST(answer_to_instruction(instruction) != "malformed", sample.name);
        for (char const* option :
             {"stdin", "stdout", "stderr", "cd", "env", "executable", "kill", "kill_timeout",
              "kill_group", "group", "user", "nice", "success_exit_code", "pty", "pty_echo",
              "winsz", "capabilities", "debug"})
            for (std::string const& value :
                 {tuple({atom(option), t}), tuple({atom(option), t, t}),
                  tuple({atom(option), list({t})}), tuple({atom(option), list({tuple({t, t})})})})
                BOOST_TEST(answer_to_instruction(run(text("x"), list({value}))) != "malformed",
                           option << ' ' << sample.name);
    }
}

BOOST_AUTO_TEST_CASE(frames_without_a_transaction_are_malformed)
{
    BOOST_TEST(!decode_request(""));
    BOOST_TEST(!decode_request(etf::frame(atom("list"))));
    BOOST_TEST(!decode_request(etf::frame(tuple({number(1)}))));
    BOOST_TEST(!decode_request(etf::frame(tuple({number(1), tuple({atom("list")}), etf::nil()}))));
    BOOST_TEST(!decode_request(etf::frame(tuple({atom("x"), tuple({atom("list")})}))));
    BOOST_TEST(!decode_request(etf::request(1, tuple({}))));
    BOOST_TEST(!decode_request(etf::request(1, atom("list"))));
    BOOST_TEST(!decode_request(etf::request(1, list({atom("list")}))));
    // An id that could not be sent back.
    auto const huge = std::string("n\x09\0", 3) + std::string(9, '\1');
    BOOST_TEST(!decode_request(etf::frame(tuple({huge, tuple({atom("list")})}))));
}

BOOST_AUTO_TEST_CASE(ids_have_64_bits)
{
    for (std::int64_t id : {INT64_C(0), INT64_C(-1), INT64_C(4294967303), INT64_MIN, INT64_MAX})
        BOOST_TEST(decode_request(etf::request(id, tuple({atom("list")}))).value().id == id);
}

BOOST_AUTO_TEST_CASE(tuples_and_atoms_may_come_in_any_encoding)
{
    auto const r = decode_request(etf::frame(
        etf::large_tuple({number(3), etf::large_tuple({"w\x03run", text("x"),
                                                       list({etf::large_tuple({"s\x02"
                                                                               "cd",
                                                                               text("/")})})})})));
    BOOST_REQUIRE(r.has_value());
    BOOST_TEST(std::get<run_request>(r->body).options.cd.value() == "/");
}

BOOST_AUTO_TEST_CASE(unknown_commands_are_named)
{
    BOOST_TEST(answer_to_instruction(tuple({atom("foo")})) == "Unknown command: foo");
    BOOST_TEST(answer_to_instruction(tuple({atom("ru"), number(1)})) == "Unknown command: ru");
    BOOST_TEST(answer_to_instruction(tuple({atom("")})) == "Unknown command: ");
    BOOST_TEST(answer_to_instruction(tuple({text("run"), text("x"), etf::nil()})) ==
               "Unknown command: ");
    BOOST_TEST(answer_to_instruction(tuple({number(5)})) == "Unknown command: ");
}

BOOST_AUTO_TEST_CASE(wrong_arity_is_badarg)
{
    for (char const* name : {"run", "manage", "stop", "kill", "list", "stdin", "winsz", "pty_opts",
                             "setpgid", "debug", "shutdown"}) {
        auto const n = number(1);
        std::string const five = tuple({atom(name), n, n, n, n});
        BOOST_TEST(answer_to_instruction(five) == "#badarg", name);
        if (std::string(name) != "list" && std::string(name) != "shutdown")
            BOOST_TEST(answer_to_instruction(tuple({atom(name)})) == "#badarg", name);
    }
    BOOST_TEST(answer_to_instruction(tuple({atom("run"), text("x")})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("list"), number(1)})) == "#badarg");
}

BOOST_AUTO_TEST_CASE(command_is_a_line_or_words)
{
    auto const line = [](std::string const& command) {
        return std::get<std::string>(accepted<run_request>(run(command)).command);
    };
    BOOST_TEST(line(text("echo x")) == "echo x");
    BOOST_TEST(line(binary("echo x")) == "echo x");
    BOOST_TEST(line(list({number('l'), number('s')})) == "ls");
    BOOST_TEST(line(text("   ")) == "   ");

    auto const words = std::get<std::vector<std::string>>(
        accepted<run_request>(run(list({text("/bin/sh"), etf::nil(), binary(""), binary("z")})))
            .command);
    BOOST_TEST(words == (std::vector<std::string>{"/bin/sh", "", "", "z"}));
}

BOOST_AUTO_TEST_CASE(bad_commands_are_refused)
{
    std::string const expected = "badarg: cmd string, binary, or non-empty list is expected ";
    BOOST_TEST(run_answer(atom("foo")) == expected + "(type=100)");
    BOOST_TEST(run_answer("w\x03"
                          "foo") == expected + "(type=100)");
    BOOST_TEST(run_answer(number(5)) == expected + "(type=97)");
    BOOST_TEST(run_answer(etf::real()) == expected + "(type=99)");
    BOOST_TEST(run_answer(tuple({text("echo")})) == expected + "(type=104)");
    BOOST_TEST(run_answer(etf::improper({text("a")}, atom("b"))) == expected + "(type=108)");

    std::string const argument = "badarg: invalid command argument #";
    BOOST_TEST(run_answer(list({text("/bin/echo"), atom("x")})) == argument + '1');
    BOOST_TEST(run_answer(list({text("/bin/echo"), number(1000)})) == argument + '1');
    BOOST_TEST(run_answer(list({text("a"), list({text("b")})})) == argument + '1');
    BOOST_TEST(run_answer(list({number('e'), number(1090)})) == argument + '0');
    BOOST_TEST(run_answer(list({text("a"), text({"b\0c", 3})})) == argument + '1');
    BOOST_TEST(run_answer(binary({"echo one\0; echo two", 19})) == "badarg: NUL byte in command");

    for (auto const& empty : {text(""), binary(""), list({}), list({text("")}),
                              list({text(""), text("x")}), list({binary(""), binary("x")})})
        BOOST_TEST(run_answer(empty) == "empty command provided");
    BOOST_TEST(answer_to_instruction(run(text(""), number(5))) == "option list expected");
}

BOOST_AUTO_TEST_CASE(manage_takes_a_process_and_options)
{
    auto const r = accepted<manage_request>(
        tuple({atom("manage"), number(4711), list({tuple({atom("kill"), text("true")})})}));
    BOOST_TEST(r.os_pid == 4711);
    BOOST_TEST(r.options.kill.value() == "true");
    for (std::int64_t pid : {INT64_C(0), INT64_C(-1), INT64_C(1) << 32, (INT64_C(1) << 32) + 4711})
        BOOST_TEST(answer_to_instruction(tuple({atom("manage"), number(pid), etf::nil()})) ==
                   "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("manage"), number(1), list({atom("foo")})})) ==
               "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("manage"), number(1), atom("foo")})) == "#badarg");
}

BOOST_AUTO_TEST_CASE(numbers_are_never_cut)
{
    BOOST_TEST(accepted<stop_request>(tuple({atom("stop"), number(-3)})).os_pid == -3);
    std::int64_t const wraps = (INT64_C(1) << 32) + 5;
    BOOST_TEST(answer_to_instruction(tuple({atom("stop"), number(wraps)})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("kill"), number(wraps), number(9)})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("kill"), number(5), number(wraps)})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("stdin"), number(wraps), binary("x")})) ==
               "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("debug"), number(wraps)})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("winsz"), number(5), number(65536), number(1)})) ==
               "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("winsz"), number(5), number(1), number(-1)})) ==
               "#badarg");
}

BOOST_AUTO_TEST_CASE(kill_reaches_single_processes_only)
{
    auto const r = accepted<kill_request>(tuple({atom("kill"), number(4711), number(15)}));
    BOOST_TEST(r.os_pid == 4711);
    BOOST_TEST(r.signal == 15);
    BOOST_TEST(answer_to_instruction(tuple({atom("kill"), number(-1), number(9)})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("kill"), number(-2), number(9)})) ==
               "Not allowed to send signal to all processes");
    BOOST_TEST(answer_to_instruction(tuple({atom("kill"), number(-2), atom("x")})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("kill"), text("1"), number(9)})) == "#badarg");
}

BOOST_AUTO_TEST_CASE(stdin_takes_a_binary_or_eof)
{
    auto const with = [](std::string const& data) {
        return tuple({atom("stdin"), number(4711), data});
    };
    std::string const bytes("a\0b", 3);
    BOOST_TEST(accepted<stdin_request>(with(binary(bytes))).data.value() == bytes);
    BOOST_TEST(accepted<stdin_request>(with(binary(""))).data.value() == "");
    BOOST_TEST(!accepted<stdin_request>(with(atom("eof"))).data);
    for (auto const& bad : {text("x"), etf::nil(), atom("foo"), number(5), list({binary("x")})})
        BOOST_TEST(answer_to_instruction(with(bad)) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("stdin"), atom("x"), binary("x")})) == "#badarg");
}

BOOST_AUTO_TEST_CASE(small_requests_carry_their_numbers)
{
    auto const w =
        accepted<winsz_request>(tuple({atom("winsz"), number(4711), number(0), number(65535)}));
    BOOST_TEST(w.os_pid == 4711);
    BOOST_TEST(w.size.rows == 0);
    BOOST_TEST(w.size.columns == 65535);
    BOOST_TEST(accepted<debug_request>(tuple({atom("debug"), number(10)})).level == 10);
    BOOST_TEST(answer_to_instruction(tuple({atom("debug"), number(11)})) == "#badarg");
    BOOST_TEST(answer_to_instruction(tuple({atom("debug"), number(-1)})) == "#badarg");
    accepted<list_request>(tuple({atom("list")}));
    accepted<shutdown_request>(tuple({atom("shutdown")}));
}

BOOST_AUTO_TEST_CASE(setpgid_never_means_the_port_itself)
{
    auto const with = [](std::int64_t pid, std::int64_t group) {
        return tuple({atom("setpgid"), number(pid), number(group)});
    };
    BOOST_TEST(accepted<setpgid_request>(with(4711, 0)).group == 0);
    BOOST_TEST(answer_to_instruction(with(0, 4711)) == "#esrch");
    BOOST_TEST(answer_to_instruction(with(-1, 4711)) == "#esrch");
    BOOST_TEST(answer_to_instruction(with(4711, -1)) == "#einval");
    BOOST_TEST(answer_to_instruction(with(4711, INT64_C(1) << 32)) == "#badarg");
}

BOOST_AUTO_TEST_CASE(pty_opts_keeps_its_fault_for_after_the_process_is_found)
{
    auto const with = [](std::string const& settings) {
        return tuple({atom("pty_opts"), number(4711), settings});
    };
    auto const good = tuple({atom("echo"), atom("true")});
    auto const fine =
        accepted<pty_opts_request>(with(list({good, tuple({atom("vintr"), number(255)}),
                                              tuple({atom("tty_op_ispeed"), number(9600)})})));
    BOOST_TEST(!fine.flaw);
    BOOST_REQUIRE(fine.settings.size() == 3U);
    BOOST_TEST(fine.settings[0].name == "echo");
    BOOST_TEST(fine.settings[0].value == 1);
    BOOST_TEST(fine.settings[2].value == 9600);

    auto const unknown =
        accepted<pty_opts_request>(with(list({good, tuple({atom("foo"), number(1)}), good})));
    BOOST_TEST(unknown.settings.size() == 1U);
    BOOST_TEST(unknown.flaw.value().reason() == "failed to set pty option foo");
    for (auto const& value : {text("x"), number(2), number(-1), atom("yes"), etf::real()}) {
        auto const bad = accepted<pty_opts_request>(with(list({tuple({atom("echo"), value})})));
        BOOST_TEST(bad.flaw.value().reason() == "bad value type of pty option echo");
    }

    for (auto const& bad :
         {atom("echo"), text("x"), list({atom("echo")}), list({tuple({good})}),
          list({tuple({text("echo"), number(1)})}),
          list({tuple({atom("foo"), number(1)}), atom("x")}), etf::improper({good}, good)})
        BOOST_TEST(answer_to_instruction(with(bad)) == "#badarg");
}

BOOST_AUTO_TEST_SUITE_END()
