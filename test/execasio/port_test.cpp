#include "execasio/tool.hpp"
#include "support/contains.hpp"

#include <execasio/spawn.hpp>

using execasio::command;
using test::contains;
using test::run_tool;

namespace {

namespace asio = boost::asio;

template <class... Words>
command tool_port(Words&&... words)
{
    return command(EXECASIO_TEST_TOOL, "port", std::forward<Words>(words)...);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(port_subcommand, test::no_leaks)

BOOST_AUTO_TEST_CASE(output_and_exit_code_are_the_commands)
{
    auto const r = run_tool(tool_port("--program", EXECASIO_TEST_PORT, "--", "/bin/sh", "-c",
                                      "echo $0; exit 7", "word"));
    BOOST_TEST(r.output.text == "word\n");
    BOOST_TEST(r.how.code() == 7);
    BOOST_TEST(contains(r.error.text, "exit code 7"));
}

BOOST_AUTO_TEST_CASE(the_port_program_gets_words_of_its_own)
{
    auto const r = run_tool(tool_port("--program", EXECASIO_TEST_PORT, "--port-option", "--packet",
                                      "--port-option", "5", "--", "/bin/true"));
    BOOST_TEST(contains(r.error.text, "--packet takes 2 or 4, not '5'"));
    BOOST_TEST(r.how.code() == 125);
}

BOOST_AUTO_TEST_CASE(a_program_that_is_no_port_is_told_of)
{
    for (std::string const program : {"/bin/true", "/bin/false"}) {
        auto const r = run_tool(tool_port("--program", program, "--", "/bin/true"));
        BOOST_TEST(contains(r.error.text, "has closed its output and not told"));
        BOOST_TEST(contains(r.error.text, "port program: exit code"));
        BOOST_TEST(r.how.code() == 125);
    }
}

BOOST_AUTO_TEST_CASE(a_kill_timeout_that_a_port_would_not_take_is_refused)
{
    for (std::string const seconds : {"-4", "3000000000"}) {
        auto const r = run_tool(tool_port("--program", EXECASIO_TEST_PORT,
                                          "--kill-timeout=" + seconds, "--", "/bin/true"));
        BOOST_TEST(contains(r.error.text, "--kill-timeout takes seconds from 0 to 2147483647"));
        BOOST_TEST(r.how.code() == 125);
    }
}

/// As a job of an interactive shell's, which leads a group in the shell's session.
BOOST_AUTO_TEST_CASE(a_ports_commands_do_not_have_its_starters_terminal)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        test::scratch_directory const directory;
        std::string const job = directory.file("job");
        std::ofstream(job) << "#!/bin/sh\nset -m\n'" EXECASIO_TEST_PORT "' \"$@\"\n";
        std::filesystem::permissions(job, std::filesystem::perms::owner_all);
        command cmd = tool_port("--program", job, "--", "/bin/sh", "-c", "exec 3</dev/tty");
        cmd.terminal(execasio::terminal_options());
        execasio::process tool = execasio::spawn(ex, cmd);
        std::string const says = co_await tool.output().read_all();
        BOOST_TEST_INFO(says);
        BOOST_TEST(contains(says, "cannot open /dev/tty"));
        execasio::exit_record const how = co_await tool.wait();
        BOOST_TEST(how.code() == 2);
    });
}

BOOST_AUTO_TEST_SUITE_END()
