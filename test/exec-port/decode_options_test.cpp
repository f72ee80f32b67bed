#include "../../tools/exec-port/capability_names.hpp"
#include "../../tools/exec-port/decode_request.hpp"
#include "etf.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>

using namespace exec_port;
using etf::atom;
using etf::binary;
using etf::list;
using etf::number;
using etf::text;
using etf::tuple;
using target = redirection::target;

namespace {

std::optional<request> run_with(std::string const& options)
{
    return decode_request(etf::request(7, tuple({atom("run"), text("x"), options})));
}

/// The complaint about an option list, or "accepted".
std::string answer_to_options(std::string const& options)
{
    auto const r = run_with(options);
    auto const* why = r ? std::get_if<refusal>(&r->body) : nullptr;
    if (!why)
        return r ? "accepted" : "malformed";
    return why->is_atom() ? '#' + why->reason() : why->reason();
}

std::string answer_to(char const* name, std::string const& value)
{
    return answer_to_options(list({tuple({atom(name), value})}));
}

run_options accepted(std::initializer_list<std::string> options)
{
    auto r = run_with(list(options));
    auto* run = r ? std::get_if<run_request>(&r->body) : nullptr;
    BOOST_REQUIRE(run);
    return std::move(run->options);
}

run_options with(char const* name, std::string const& value)
{
    return accepted({tuple({atom(name), value})});
}

std::string nul_text()
{
    return text({"a\0b", 3});
}

} // namespace

BOOST_AUTO_TEST_SUITE(exec_port_decode_options)

BOOST_AUTO_TEST_CASE(nothing_given_is_nothing_set)
{
    run_options const o = accepted({});
    BOOST_TEST((!o.cd && !o.env && !o.executable && !o.kill && !o.kill_timeout && !o.group));
    BOOST_TEST((!o.user && !o.nice && !o.success_exit_code && !o.pty && !o.winsz));
    BOOST_TEST((!o.capabilities && !o.debug && !o.kill_group && !o.pty_echo));
    for (auto const& stream : o.streams)
        BOOST_TEST((stream.to == target::null));
}

BOOST_AUTO_TEST_CASE(options_are_atoms_and_tuples_in_a_list)
{
    for (auto const& bad :
         {atom("stdout"), number(5), binary("abc"), text("abc"), etf::real(),
          tuple({atom("stdout"), atom("null")}), etf::improper({atom("stdout")}, atom("stderr"))})
        BOOST_TEST(answer_to_options(bad) == "option list expected");

    auto const shape = [](char const* got) {
        return std::string("badarg: option must be {Cmd, Opt} or {Cmd, Opt, Args} or atom (got ") +
               got + ')';
    };
    BOOST_TEST(answer_to_options(list({binary("stdout")})) == shape("tp=m, arity=6"));
    BOOST_TEST(answer_to_options(list({text("stdout")})) == shape("tp=k, arity=6"));
    BOOST_TEST(answer_to_options(list({etf::real()})) == shape("tp=c, arity=0"));
    BOOST_TEST(answer_to_options(list({list({atom("stdout")})})) == shape("tp=l, arity=1"));
    BOOST_TEST(answer_to_options(list({tuple({})})) == shape("tp=h, arity=0"));
    BOOST_TEST(answer_to_options(list({tuple({atom("stdout")})})) == shape("tp=h, arity=1"));
    BOOST_TEST(answer_to_options(list({tuple({atom("a"), atom("b"), atom("c"), atom("d")})})) ==
               shape("tp=h, arity=4"));
    std::string const map = 't' + etf::big_endian(1, 4) + atom("cd") + text("/tmp");
    BOOST_TEST(answer_to_options(list({map})) == shape("tp=t, arity=1"));
    BOOST_TEST(answer_to_options(list({etf::nil()})) == shape("tp=j, arity=0"));
    BOOST_TEST(answer_to_options(list({tuple({number(5), number(1)})})) ==
               "badarg: invalid cmd option tuple");
    BOOST_TEST(answer_to_options(list({tuple({text("cd"), text("/tmp")})})) ==
               "badarg: invalid cmd option tuple");
}

BOOST_AUTO_TEST_CASE(unknown_options_are_named)
{
    BOOST_TEST(answer_to_options(list({atom("foo")})) == "badarg: unknown option 'foo'");
    BOOST_TEST(answer_to_options(list({atom("monitor")})) == "badarg: unknown option 'monitor'");
    BOOST_TEST(answer_to("foo", number(1)) == "badarg: unknown option 'foo'");
    BOOST_TEST(answer_to_options(list({tuple({atom("foo"), number(1), number(2)})})) ==
               "badarg: unknown option 'foo'");
}

BOOST_AUTO_TEST_CASE(options_given_twice_are_refused)
{
    auto const twice = [](std::string const& a, std::string const& b) {
        return answer_to_options(list({a, atom("stdin"), b}));
    };
    std::pair<char const*, std::string> const options[] = {
        {"cd", text("/")},
        {"env", list({text("A=1")})},
        {"kill", text("x")},
        {"kill_timeout", number(1)},
        {"group", number(0)},
        {"user", text("alice")},
        {"nice", number(1)},
        {"success_exit_code", number(1)},
        {"executable", text("sh")},
        {"stdout", atom("null")},
        {"stderr", atom("close")},
        {"pty", etf::nil()},
        {"winsz", tuple({number(1), number(1)})},
        {"debug", number(0)},
        {"capabilities", etf::nil()},
    };
    for (auto const& [name, value] : options) {
        auto const option = tuple({atom(name), value});
        BOOST_TEST(twice(option, option) == "duplicate " + std::string(name) + " option specified");
    }
    for (char const* name : {"kill_group", "pty_echo", "stdout", "stderr", "pty"})
        BOOST_TEST(twice(atom(name), atom(name)) ==
                   "duplicate " + std::string(name) + " option specified");
    BOOST_TEST(answer_to_options(list({atom("stdin"), tuple({atom("stdin"), atom("null")})})) ==
               "duplicate stdin option specified");
}

BOOST_AUTO_TEST_CASE(values_must_be_as_many_as_the_option_takes)
{
    BOOST_TEST(answer_to("pty_echo", atom("true")) == "badarg: option 'pty_echo' takes no value");
    BOOST_TEST(answer_to("kill_group", atom("false")) ==
               "badarg: option 'kill_group' takes no value");
    BOOST_TEST(answer_to_options(list({tuple({atom("cd"), text("/tmp"), atom("x")}),
                                       atom("stdout")})) == "badarg: option 'cd' takes one value");

    BOOST_TEST(answer_to_options(list({atom("cd")})) == "cd - bad option value");
    BOOST_TEST(answer_to_options(list({atom("kill")})) == "kill - bad option value");
    BOOST_TEST(answer_to_options(list({atom("executable")})) == "executable - bad option value");
    BOOST_TEST(answer_to_options(list({atom("user")})) == "user - bad option value");
    BOOST_TEST(answer_to_options(list({atom("debug")})) == "debug - bad option value");
    BOOST_TEST(answer_to_options(list({atom("env")})) == "env - list expected");
    BOOST_TEST(answer_to_options(list({atom("group")})) ==
               "group - bad group value type (expected int or string)");
    BOOST_TEST(answer_to_options(list({atom("kill_timeout")})) == "kill_timeout - invalid value");
    BOOST_TEST(answer_to_options(list({atom("nice")})) ==
               "nice option must be an integer between -20 and 20");
    BOOST_TEST(answer_to_options(list({atom("success_exit_code")})) ==
               "success exit code must be an integer between 0 and 255");
    BOOST_TEST(answer_to_options(list({atom("winsz")})) == "winsz - invalid winsz");
    BOOST_TEST(answer_to_options(list({atom("capabilities")})) ==
               "capabilities must be a list of atoms or 'all'");
}

BOOST_AUTO_TEST_CASE(strings_come_in_every_form_and_empty_ones_mean_the_default)
{
    BOOST_TEST(with("cd", text("/tmp")).cd.value() == "/tmp");
    BOOST_TEST(with("cd", binary("/usr")).cd.value() == "/usr");
    BOOST_TEST(with("executable", text("sh")).executable.value() == "sh");
    BOOST_TEST(with("kill", text("true")).kill.value() == "true");
    BOOST_TEST(with("user", binary("alice")).user.value() == "alice");
    for (char const* name : {"cd", "executable", "kill"}) {
        auto const o = accepted({tuple({atom(name), text("")}), atom("stdout")});
        BOOST_TEST((!o.cd && !o.executable && !o.kill && o.streams[1].to == target::erlang));
        BOOST_TEST(answer_to(name, binary("")) == "accepted");
    }
    for (char const* name : {"cd", "executable", "kill", "user"})
        for (auto const& bad : {atom("foo"), number(7), list({text("a"), text("b")}),
                                tuple({text("a"), text("b")}), nul_text()})
            BOOST_TEST(answer_to(name, bad) == std::string(name) + " - bad option value");
    BOOST_TEST(answer_to("user", text("")) == "Invalid user : name is empty");
    BOOST_TEST(answer_to("user", binary("")) == "Invalid user : name is empty");
}

BOOST_AUTO_TEST_CASE(numbers_have_their_ranges)
{
    BOOST_TEST(with("nice", number(-20)).nice.value() == -20);
    BOOST_TEST(with("nice", number(20)).nice.value() == 20);
    for (auto const& bad : {number(21), number(-21), atom("low"), text("5"), etf::real(),
                            number(INT64_C(1) << 40), number((INT64_C(1) << 32) + 1)})
        BOOST_TEST(answer_to("nice", bad) == "nice option must be an integer between -20 and 20");

    BOOST_TEST(with("success_exit_code", number(255)).success_exit_code.value() == 255);
    for (auto const& bad :
         {number(256), number(-1), atom("x"), text("5"), number((INT64_C(1) << 32) + 1)})
        BOOST_TEST(answer_to("success_exit_code", bad) ==
                   "success exit code must be an integer between 0 and 255");

    BOOST_TEST(with("kill_timeout", number(INT64_C(1) << 33)).kill_timeout.value() == INT64_C(1)
                                                                                          << 33);
    BOOST_TEST(with("kill_timeout", number(-1)).kill_timeout.value() == 0);
    for (auto const& bad : {atom("x"), text("1"), etf::real()})
        BOOST_TEST(answer_to("kill_timeout", bad) == "kill_timeout - invalid value");

    BOOST_TEST(with("debug", number(-1)).debug.value() == -1);
    BOOST_TEST(with("debug", number(11)).debug.value() == 11);
    BOOST_TEST(answer_to("debug", number(INT64_C(1) << 40)) == "debug - bad option value");
    BOOST_TEST(answer_to("debug", text("1")) == "debug - bad option value");

    auto const size = with("winsz", tuple({number(0), number(65535)})).winsz.value();
    BOOST_TEST(size.rows == 0);
    BOOST_TEST(size.columns == 65535);
    for (auto const& bad :
         {number(5), tuple({number(1)}), tuple({number(1), number(2), number(3)}),
          tuple({atom("a"), number(2)}), tuple({number(2), text("x")}), text("\x18P"),
          tuple({number(65536), number(1)}), tuple({number(1), number(-1)})})
        BOOST_TEST(answer_to("winsz", bad) == "winsz - invalid winsz");
}

BOOST_AUTO_TEST_CASE(group_is_a_number)
{
    BOOST_TEST(with("group", number(0)).group.value() == 0);
    BOOST_TEST(with("group", number(4711)).group.value() == 4711);
    for (auto const& bad : {atom("x"), etf::real(), tuple({number(1), number(2)}),
                            list({number(1000), number(2000)}), text(""), binary("")})
        BOOST_TEST(answer_to("group", bad) ==
                   "group - bad group value type (expected int or string)");
    for (auto const& name : {text("users"), binary("users"), text("0")})
        BOOST_TEST(answer_to("group", name) == "group - a process group has a number, not a name");
    BOOST_TEST(answer_to("group", number(-5)) == "group - no such process group: -5");
    BOOST_TEST(answer_to("group", number(INT64_C(1) << 32)) ==
               "group - no such process group: 4294967296");
}

BOOST_AUTO_TEST_CASE(environment_is_changed_in_order)
{
    auto const env =
        with("env", list({tuple({text("A"), text("")}), atom("clear"), text("B=2=3"),
                          tuple({binary("C"), binary("c")}), tuple({text("D"), atom("false")}),
                          tuple({text("E=F"), text("g")})}))
            .env.value();
    BOOST_TEST(env.clear);
    BOOST_REQUIRE(env.changes.size() == 5U);
    BOOST_TEST(env.changes[0].name == "A");
    BOOST_TEST(env.changes[0].value.value() == "");
    BOOST_TEST(env.changes[1].name == "B");
    BOOST_TEST(env.changes[1].value.value() == "2=3");
    BOOST_TEST(env.changes[2].value.value() == "c");
    BOOST_TEST(env.changes[3].name == "D");
    BOOST_TEST(!env.changes[3].value);
    BOOST_TEST(env.changes[4].name == "E");
    BOOST_TEST(env.changes[4].value.value() == "F=g");
    BOOST_TEST(with("env", list({})).env.value().changes.empty());
}

BOOST_AUTO_TEST_CASE(bad_environments_are_refused)
{
    for (auto const& bad : {text("A=1"), text("\5"), atom("clear"), number(3), binary("A=1"),
                            etf::improper({text("A=1")}, atom("x"))})
        BOOST_TEST(answer_to("env", bad) == "env - list expected");
    BOOST_TEST(answer_to("env", list({atom("foo")})) == "env - invalid env option foo");
    for (auto const& bad :
         {text("FOO"), binary("FOO"), text("=x"), text(""), number(1000), nul_text(),
          text({"A=\0", 3}), tuple({text("A"), atom("true")}), tuple({text("A"), number(1)}),
          tuple({text("A")}), tuple({text("A"), text("b"), text("c")}),
          tuple({atom("a"), text("b")}), tuple({text(""), text("x")}),
          tuple({binary(""), text("x")}), tuple({text("A"), nul_text()}),
          tuple({nul_text(), text("x")}), tuple({text("A=B"), atom("false")}),
          tuple({nul_text(), atom("false")}), tuple({text("=A"), text("b")})})
        BOOST_TEST(answer_to("env", list({tuple({text("A"), text("1")}), bad})) ==
                   "env - invalid env argument #1");
}

BOOST_AUTO_TEST_CASE(capabilities_are_all_or_named)
{
    BOOST_TEST(with("capabilities", atom("all")).capabilities.value().all);
    BOOST_TEST(with("capabilities", list({})).capabilities.value().mask == 0U);
    auto const some =
        with("capabilities",
             list({atom("chown"), atom("kill"), atom("kill"), atom("checkpoint_restore")}));
    BOOST_TEST(!some.capabilities.value().all);
    BOOST_TEST(some.capabilities.value().mask == (1U | 1U << 5 | UINT64_C(1) << 40));
    BOOST_TEST(capability_number("checkpoint_restore").value() == 40U);
    BOOST_TEST(capability_number("sys_admin").value() == 21U);
    BOOST_TEST(capability_number("syslog").value() == 34U);

    auto const wrong = [](std::string const& value) { return answer_to("capabilities", value); };
    BOOST_TEST(wrong(list({atom("bogus")})) == "badarg: capability 'bogus' is invalid");
    BOOST_TEST(wrong(list({atom("cap_kill")})) == "badarg: capability 'cap_kill' is invalid");
    BOOST_TEST(wrong(list({number(1000)})) == "badarg: capability#0 name not an atom");
    BOOST_TEST(wrong(list({atom("kill"), text("kill")})) ==
               "badarg: capability#1 name not an atom");
    for (auto const& bad : {number(5), text("abc"), binary("all"), atom("foo"),
                            etf::improper({atom("kill")}, atom("all"))})
        BOOST_TEST(wrong(bad) == "capabilities must be a list of atoms or 'all'");
}

BOOST_AUTO_TEST_CASE(pty_takes_terminal_modes)
{
    BOOST_TEST(accepted({atom("pty")}).pty.value().empty());
    BOOST_TEST(with("pty", list({})).pty.value().empty());
    BOOST_TEST(accepted({atom("pty_echo")}).pty_echo);
    auto const pty =
        with("pty", list({tuple({atom("echo"), atom("true")}), tuple({atom("cs7"), number(0)}),
                          tuple({atom("vdsusp"), number(25)}),
                          tuple({atom("tty_op_ospeed"), number(4'000'000)})}));
    BOOST_REQUIRE(pty.pty.value().size() == 4U);
    BOOST_TEST(pty.pty.value()[0].name == "echo");
    BOOST_TEST(pty.pty.value()[0].value == 1);
    BOOST_TEST(pty.pty.value()[2].name == "vdsusp");
    BOOST_TEST(pty.pty.value()[3].value == 4'000'000);

    auto const wrong = [](std::string const& item) { return answer_to("pty", list({item})); };
    std::string const start = "pty - invalid pty argument or value ";
    BOOST_TEST(answer_to("pty", atom("foo")) == "pty - list expected");
    BOOST_TEST(answer_to("pty", text("foo")) == "pty - list expected");
    BOOST_TEST(wrong(atom("echo")) == start + "#0");
    BOOST_TEST(wrong(tuple({text("echo"), number(1)})) == start + "#0");
    BOOST_TEST(wrong(tuple({atom("foo"), number(1)})) == start + "'foo'");
    BOOST_TEST(wrong(tuple({atom("echo"), number(2)})) == start + "'echo'");
    BOOST_TEST(wrong(tuple({atom("vintr"), number(256)})) == start + "'vintr'");
    BOOST_TEST(wrong(tuple({atom("vintr"), atom("true")})) == start + "'vintr'");
    BOOST_TEST(wrong(tuple({atom("tty_op_ispeed"), number(-1)})) == start + "'tty_op_ispeed'");
    BOOST_TEST(wrong(tuple({atom("echo"), text("x")})) == start + "'echo'");
}

BOOST_AUTO_TEST_CASE(streams_go_where_they_are_told)
{
    auto const o = accepted({atom("stdin"), tuple({atom("stdout"), atom("stderr")}),
                             tuple({atom("stderr"), text("log"), list({atom("append")})})});
    BOOST_TEST((o.streams[0].to == target::erlang));
    BOOST_TEST((o.streams[1].to == target::other_output));
    BOOST_TEST((o.streams[2].to == target::file));
    BOOST_TEST(o.streams[2].path == "log");
    BOOST_TEST(o.streams[2].append);
    BOOST_TEST(o.streams[2].mode == 0644U);

    auto const mode = tuple({atom("mode"), number(0600)});
    auto const f = accepted({tuple({atom("stdout"), binary("f"), list({mode})})}).streams[1];
    BOOST_TEST((f.to == target::file && f.path == "f" && !f.append && f.mode == 0600U));
    BOOST_TEST((with("stdin", atom("close")).streams[0].to == target::closed));
    BOOST_TEST((with("stdin", text("in")).streams[0].to == target::file));
    BOOST_TEST((with("stderr", atom("stdout")).streams[2].to == target::other_output));
    // Words mean the same as strings; a stream's own name is then a file.
    BOOST_TEST((with("stdout", text("null")).streams[1].to == target::null));
    BOOST_TEST((with("stdout", binary("close")).streams[1].to == target::closed));
    BOOST_TEST((with("stdout", text("stderr")).streams[1].to == target::other_output));
    BOOST_TEST((with("stdout", text("stdout")).streams[1].to == target::file));
}

BOOST_AUTO_TEST_CASE(bad_streams_are_refused)
{
    for (char const* name : {"stdin", "stdout", "stderr"})
        for (auto const& bad : {text(""), binary(""), number(5), tuple({text("a"), text("b")}),
                                list({text("f")}), list({number(1000)}), etf::real(), nul_text()})
            BOOST_TEST(answer_to(name, bad) ==
                       std::string(name) + " - atom or string value in tuple required");
    BOOST_TEST(answer_to("stdout", atom("foo")) == "invalid stdout redirection option: 'foo'");
    for (char const* word : {"stdin", "stdout", "stderr", "foo"})
        BOOST_TEST(answer_to("stdin", atom(word)) ==
                   "invalid stdin redirection option: '" + std::string(word) + '\'');
    BOOST_TEST(answer_to("stdout", atom("stdout")) == "self-reference of stdout");
    BOOST_TEST(answer_to("stderr", atom("stderr")) == "self-reference of stderr");
    BOOST_TEST(answer_to_options(list({tuple({atom("stdout"), atom("stderr")}),
                                       tuple({atom("stderr"), atom("stdout")})})) ==
               "circular reference of stdout and stderr");
}

BOOST_AUTO_TEST_CASE(bad_file_options_are_refused)
{
    auto const wrong = [](std::string const& file, std::string const& options) {
        return answer_to_options(list({tuple({atom("stdout"), file, options})}));
    };
    std::string const start = "option stdout: unsupported file option ";
    BOOST_TEST(wrong(text("f"), list({atom("foo")})) == start + "'foo'");
    BOOST_TEST(wrong(text("f"), list({tuple({atom("foo"), number(1)})})) == start + "'foo'");
    BOOST_TEST(wrong(text("f"), list({tuple({atom("mode"), atom("x")})})) == start + "'mode'");
    BOOST_TEST(wrong(text("f"), list({tuple({atom("mode"), number(-1)})})) == start + "'mode'");
    BOOST_TEST(wrong(text("f"), list({tuple({atom("mode"), number(010000)})})) == start + "'mode'");
    BOOST_TEST(wrong(text("f"), list({tuple({text("mode"), number(1)})})) == start + "''");
    BOOST_TEST(wrong(text("f"), list({number(5), number(1000)})) == start + "''");
    BOOST_TEST(wrong(text("f"), atom("append")) == "option stdout requires a list of file options");
    BOOST_TEST(wrong(text("f"), text("abc")) == "option stdout requires a list of file options");
    for (auto const& bad : {atom("f"), number(5), text(""), nul_text()})
        BOOST_TEST(wrong(bad, etf::nil()) == "filename must be a string for option stdout");
    BOOST_TEST(wrong(text("f"), etf::nil()) == "accepted");
}

BOOST_AUTO_TEST_SUITE_END()
