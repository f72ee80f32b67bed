#include "execasio/tool.hpp"
#include "support/conditions.hpp"

#include <execasio/process.hpp>
#include <execasio/spawn.hpp>

#include <signal.h>

using test::bench;
using test::number_from;
using test::puppet_line;
using test::scratch_directory;

namespace {

namespace asio = boost::asio;

/// A tool that measures a quick command and then one that does not end.
execasio::command long_measurement(scratch_directory const& directory, char const* grace)
{
    execasio::command cmd =
        bench("-r", "3", "--show-output", "--grace", grace, "--export-json", directory.file("json"),
              "--cleanup", "echo C >>" + directory.file("log"), puppet_line("exit 0"),
              puppet_line("report 15 ids pause-forever"));
    cmd.output(execasio::stream::pipe).error(execasio::stream::null);
    return cmd;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(bench_interrupt, test::no_leaks)

BOOST_AUTO_TEST_CASE(interrupt_ends_the_child_and_reports_what_was_measured)
{
    bool asked = false; // by its plan: before it is killed
    // Until it is given the processor soon enough to tell.
    for (char const* grace : {"500ms", "2s", "5s"}) {
        scratch_directory const directory;
        test::run_coroutine([&]() -> asio::awaitable<void> {
            auto const executor = co_await asio::this_coro::executor;
            execasio::process tool = execasio::spawn(executor, long_measurement(directory, grace));
            pid_t const child = co_await number_from(tool);
            tool.signal(SIGINT);
            auto const rest = co_await tool.output().read_all();
            asked = rest.starts_with("sig15\n");
            BOOST_TEST(rest.find("Interrupted by SIGINT") != std::string::npos);
            execasio::exit_record const how = co_await tool.wait();
            BOOST_TEST(how.code() == 130);
            BOOST_TEST(test::has_ended(child, std::chrono::seconds(5)));
        });
        auto const json = boost::json::parse(directory.content("json"));
        BOOST_TEST(json.at("results").at(0).at("times").as_array().size() == 3u);
        BOOST_TEST(json.at("results").at(1).at("times").as_array().empty());
        BOOST_TEST(json.at("interrupted_by_signal").as_int64() == SIGINT);
        BOOST_TEST(directory.content("log") == "C\nC\n"); // cleaned up all the same
        if (asked)
            break;
    }
    BOOST_TEST(asked);
}

BOOST_AUTO_TEST_CASE(second_interrupt_does_not_wait)
{
    scratch_directory const directory;
    test::run_coroutine([&]() -> asio::awaitable<void> {
        auto const executor = co_await asio::this_coro::executor;
        execasio::process tool = execasio::spawn(executor, long_measurement(directory, "1h"));
        pid_t const child = co_await number_from(tool);
        tool.signal(SIGTERM);
        auto const line = co_await tool.output().read_line();
        BOOST_TEST(line.value() == "sig15");
        tool.signal(SIGTERM);
        std::string const rest = co_await tool.output().read_all();
        execasio::exit_record const how = co_await tool.wait();
        BOOST_TEST(how.code() == 128 + SIGTERM);
        BOOST_TEST(test::has_ended(child, std::chrono::seconds(5)));
    });
    BOOST_TEST(directory.content("log") == "C\n"); // that of the first command only
}

BOOST_AUTO_TEST_SUITE_END()
