#include "execasio/tool.hpp"
#include "support/conditions.hpp"
#include "support/contains.hpp"
#include "support/puppet.hpp"

#include <execasio/process.hpp>
#include <execasio/spawn.hpp>

#include <signal.h>

using test::number_from;
using test::puppet_path;
using test::run_tool;

namespace {

namespace asio = boost::asio;
using execasio::command;
using execasio::process;
using execasio::stream;

template <class... Words>
command tool_run(Words&&... words)
{
    command cmd(EXECASIO_TEST_TOOL, "run", std::forward<Words>(words)...);
    cmd.output(stream::pipe).error(stream::null);
    return cmd;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(run_subcommand, test::no_leaks)

BOOST_AUTO_TEST_CASE(the_command_may_end_in_its_own_way_at_a_signal)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int const number : {SIGINT, SIGHUP, SIGQUIT, SIGTERM}) {
            process tool =
                execasio::spawn(ex, tool_run("--group", puppet_path(), "leave",
                                             std::to_string(number), "3", "ids", "pause-forever"));
            co_await number_from(tool);
            tool.signal(number);
            execasio::exit_record const how = co_await tool.wait();
            BOOST_TEST_INFO("signal " << number);
            BOOST_TEST(how.code() == 3);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_second_signal_does_not_wait)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process tool = execasio::spawn(
            ex, tool_run("--grace", "1h", puppet_path(), "report", "15", "ids", "pause-forever"));
        pid_t const child = co_await number_from(tool);
        tool.signal(SIGTERM);
        auto const line = co_await tool.output().read_line();
        BOOST_TEST(line.value() == "sig15");
        tool.signal(SIGTERM);
        execasio::exit_record const how = co_await tool.wait();
        BOOST_TEST(how.code() == 128 + SIGKILL);
        BOOST_TEST(test::has_ended(child));
    });
}

/// A key is for the whole foreground of the terminal, kill(1) for the tool alone.
BOOST_AUTO_TEST_CASE(what_the_terminal_has_told_the_command_is_not_passed_on)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::string const key = "\x03"; // Ctrl-C
        for (bool const by_key : {true, false}) {
            command cmd(EXECASIO_TEST_TOOL, "run", "--grace", "1h", puppet_path(), "report", "2",
                        "ids", "pause-forever");
            cmd.terminal(execasio::terminal_options().echo(false));
            process tool = execasio::spawn(ex, cmd);
            co_await number_from(tool);
            if (by_key)
                co_await tool.input().write(asio::buffer(key));
            else
                tool.signal(SIGINT);
            auto const line = co_await tool.output().read_line();
            BOOST_TEST(line.value() == "sig02\r");
            tool.signal(SIGTERM); // the second one
            std::string const rest = co_await tool.output().read_all();
            BOOST_TEST(!test::contains(rest, "sig02"));
            execasio::exit_record const how = co_await tool.wait();
            BOOST_TEST(how.code() == 128 + SIGKILL);
        }
    });
}

// Else the command would have the event loop's own in their place.
BOOST_AUTO_TEST_CASE(closed_standard_descriptors_are_not_the_tools)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd =
            tool_run("/bin/sh", "-c", "readlink /proc/$$/fd/0 /proc/$$/fd/2; cat; echo $?");
        cmd.input(stream::close).error(stream::close);
        process tool = execasio::spawn(ex, cmd);
        std::string const said = co_await tool.output().read_all();
        BOOST_TEST(said == "/dev/null\n/dev/null\n1\n"); // reading fails as from a closed one
        co_await tool.wait();
    });
}

BOOST_AUTO_TEST_CASE(ignored_signals_stay_ignored)
{
    auto const old = ::signal(SIGHUP, SIG_IGN);
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = tool_run(puppet_path(), "signals", "ids", "await", "exit", "4");
        process tool = execasio::spawn(ex, cmd.input(stream::pipe).inherit_ignored_signals());
        auto const line = co_await tool.output().read_line();
        BOOST_TEST(line.value() == "signals: ignored 1");
        co_await number_from(tool);
        tool.signal(SIGHUP);
        tool.input().close();
        execasio::exit_record const how = co_await tool.wait();
        BOOST_TEST(how.code() == 4);
    });
    ::signal(SIGHUP, old);
}

BOOST_AUTO_TEST_CASE(the_command_does_not_outlive_the_tool)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process tool = execasio::spawn(ex, tool_run(puppet_path(), "fork-session", "ids",
                                                    "pause-forever", "join", "pause-forever"));
        pid_t const grandchild = co_await number_from(tool);
        tool.signal(SIGKILL);
        co_await tool.wait();
        BOOST_TEST(test::has_ended(grandchild, std::chrono::seconds(10)));
    });
}

/// When the leader of the group has gone, others may still have time left.
BOOST_AUTO_TEST_CASE(neither_does_the_rest_of_its_group)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int const number : {SIGKILL, SIGTERM}) {
            process tool = execasio::spawn(ex, tool_run("--group", "--grace", "1h", puppet_path(),
                                                        "fork", "ignore", "15", "ids",
                                                        "pause-forever", "join", "pause-forever"));
            pid_t const member = co_await number_from(tool);
            pid_t const leader = ::getpgid(member);
            tool.signal(SIGTERM);
            co_await test::until([&] { return ::kill(leader, 0) != 0; });
            BOOST_TEST(!test::has_ended(member));
            tool.signal(number); // SIGTERM is the second one, which does not wait
            execasio::exit_record const how = co_await tool.wait();
            BOOST_TEST(test::has_ended(member, std::chrono::seconds(10)));
            if (number == SIGTERM)
                BOOST_TEST(how.code() == 128 + SIGTERM);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_missing_interpreter_is_named)
{
    test::scratch_directory const directory;
    std::string const script = directory.file("script");
    std::ofstream(script) << "#!/no/such/interpreter\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    auto const result = run_tool(command(EXECASIO_TEST_TOOL, "run", script));
    BOOST_TEST(result.how.code() == 127);
    BOOST_TEST(test::contains(result.error.text, "/no/such/interpreter"));
}

BOOST_AUTO_TEST_CASE(output_that_cannot_be_written_is_no_success)
{
    test::run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd(EXECASIO_TEST_TOOL, "--version");
        cmd.output(stream::append("/dev/full")).error(stream::pipe);
        process tool = execasio::spawn(ex, cmd);
        std::string const complaint = co_await tool.error().read_all();
        BOOST_TEST(test::contains(complaint, "cannot be written"));
        execasio::exit_record const how = co_await tool.wait();
        BOOST_TEST(how.code() == 125);
    });
}

BOOST_AUTO_TEST_SUITE_END()
