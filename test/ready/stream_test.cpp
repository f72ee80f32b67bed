#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/late_readiness.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/ready.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/time_guards.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::readiness;
using execasio::stop_plan;
using execasio::stream;
using execasio::time_guards;
using test::check_late_readiness;
using test::error_of;
using test::puppet;
using test::run_coroutine;
using test::scaled;
using test::spawn_piped;

namespace {

asio::awaitable<void> end(process& p)
{
    co_await execasio::stop(p, stop_plan::kill());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(becoming_ready, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_line_is_awaited_and_all_lines_are_still_there)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p =
            spawn_piped(ex, puppet("lines", "30000", "say", "now ready.", "say", "after", "await"));
        co_await p.output().read_line(); // some of it is read ahead already
        co_await execasio::ready(p, readiness::line("ready"));
        for (int i = 1; i < 30000; ++i) {
            auto const line = co_await p.output().read_line();
            BOOST_REQUIRE(line.value() == std::to_string(i));
        }
        auto line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "now ready.");
        line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "after");
        co_await end(p);
    });
}

BOOST_AUTO_TEST_CASE(a_line_that_was_read_ahead_counts)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_piped(ex, puppet("print", "one\nready\n", "await"));
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "one");
        co_await execasio::ready(p, readiness::line("ready"), scaled(10s));
        error_code const ec = co_await error_of(execasio::ready(p, readiness::line("one"), 20ms));
        BOOST_TEST(ec == asio::error::timed_out); // that one has been taken
        co_await end(p);
    });
}

BOOST_AUTO_TEST_CASE(a_line_may_be_told_by_a_function_and_be_on_standard_error)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("err", "port 1234", "say", "port 1", "await");
        cmd.error(stream::pipe);
        process p = spawn_piped(ex, cmd);
        std::string seen;
        auto how = readiness::line([&seen](std::string_view line) {
            seen = line;
            return line.starts_with("port ");
        });
        how.on_error();
        co_await execasio::ready(p, how);
        BOOST_TEST(seen == "port 1234");
        co_await end(p);
    });
}

BOOST_AUTO_TEST_CASE(it_fails_when_there_is_nothing_to_be_hoped_for)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        auto const how = readiness::line("ready");
        process p = spawn_piped(ex, puppet("say", "x", "exit", "0"));
        error_code ec = co_await error_of(execasio::ready(p, how));
        BOOST_TEST(ec == errc::not_ready);
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "x");
        co_await p.wait();
        ec = co_await error_of(execasio::ready(p, readiness::port(1)));
        BOOST_TEST(ec == errc::not_ready);

        p = spawn_piped(ex, puppet("close", "1", "await")); // lives, but will say nothing
        ec = co_await error_of(execasio::ready(p, how));
        BOOST_TEST(ec == errc::not_ready);
        co_await end(p);

        p = spawn_piped(ex, puppet("repeat-lines", "1000"));
        ec = co_await error_of(execasio::ready(p, how));
        BOOST_TEST(ec == errc::output_too_long);
        auto const first = co_await p.output().read_line();
        BOOST_TEST(first.value() == "0");
        co_await end(p);

        p = execasio::spawn(ex, puppet("pause-forever"));
        ec = co_await error_of(execasio::ready(p, how));
        BOOST_TEST(ec == errc::not_piped);
        co_await end(p);
        process none;
        ec = co_await error_of(execasio::ready(none, how));
        BOOST_TEST(ec == errc::no_process);
    });
}

BOOST_AUTO_TEST_CASE(a_long_line_is_judged_by_its_beginning_and_the_next_by_itself)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_piped(ex, puppet("write", "300000", "say", "", "say", "ready", "await"));
        std::size_t longest = 0;
        auto const how = readiness::line([&longest](std::string_view line) {
            longest = std::max(longest, line.size());
            return line == "ready";
        });
        co_await execasio::ready(p, how);
        BOOST_TEST(longest == 65536u);
        co_await end(p);
    });
}

BOOST_AUTO_TEST_CASE(whoever_reads_next_has_the_stream_to_himself)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_piped(ex, puppet("cat"));
        for (int i = 0; i < 200; ++i) {
            std::string const word = std::to_string(i);
            error_code const ec =
                co_await error_of(execasio::ready(p, readiness::line("x"), i % 3 * 1ms));
            BOOST_TEST(ec == asio::error::timed_out);
            co_await p.input().write(asio::buffer(word + "\n"));
            auto const line = co_await p.output().read_line();
            BOOST_REQUIRE(line.value() == word);
        }
        co_await end(p);
    });
}

BOOST_AUTO_TEST_CASE(it_can_be_cancelled_and_leaves_nothing_pending)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("pause-forever");
        readiness const notified = readiness::descriptor(cmd, 3);
        process p = spawn_piped(ex, cmd);
        for (readiness const& how : {readiness::line("x"), notified, readiness::port(1)}) {
            asio::cancellation_signal signal;
            error_code ec;
            bool done = false;
            asio::co_spawn(
                ex, error_of(execasio::ready(p, how)),
                asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, error_code e) {
                    ec = e;
                    done = true;
                }));
            asio::steady_timer turn(ex, 1ms);
            co_await turn.async_wait(asio::use_awaitable);
            BOOST_TEST(!done);
            signal.emit(asio::cancellation_type::terminal);
            co_await test::until([&] { return done; });
            BOOST_TEST(ec == asio::error::operation_aborted);
        }
        co_await end(p);
    });
}

BOOST_AUTO_TEST_CASE(a_wait_that_is_over_keeps_nothing_running)
{
    asio::io_context context(1);
    command cmd = puppet("pause-forever");
    readiness const notified = readiness::descriptor(cmd, 3);
    process p = spawn_piped(context.get_executor(), cmd);
    for (readiness const& how : {readiness::line("x"), notified, readiness::port(1)}) {
        bool failed = false;
        asio::co_spawn(context, execasio::ready(p, how, 15ms),
                       [&](std::exception_ptr e) { failed = bool(e); });
        context.restart();
        context.run_for(scaled(10s));
        BOOST_TEST(failed);
        BOOST_TEST(context.stopped()); // though the process lives
    }
    p = process();
    context.restart();
    context.run_for(scaled(10s));
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE(what_is_written_to_a_descriptor_tells)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("await", "writefd", "5", "\n", "pause-forever");
        readiness const how = readiness::descriptor(cmd, 5);
        co_await check_late_readiness(cmd, how);
    });
}

BOOST_AUTO_TEST_CASE(a_descriptor_closed_without_a_word_tells_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("close", "3", "say", "closed", "await", "exit", "0");
        readiness const how = readiness::descriptor(cmd, 3);
        process p = spawn_piped(ex, cmd);
        co_await p.output().read_line();
        error_code ec = co_await error_of(execasio::ready(p, how, 30ms));
        BOOST_TEST(ec == asio::error::timed_out);
        p.input().close();
        ec = co_await error_of(execasio::ready(p, how));
        BOOST_TEST(ec == errc::not_ready);
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_guard_waits_for_any_of_them)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        auto const cause_of = [&](command cmd, std::chrono::milliseconds limit) {
            return [](asio::any_io_executor e, command c,
                      std::chrono::milliseconds within) -> asio::awaitable<end_cause> {
                readiness const how = readiness::descriptor(c, 3);
                process p = spawn_piped(e, c);
                execasio::guard(p,
                                time_guards().ready_within(within, how).run_time(within + 300ms));
                exit_record const record = co_await p.wait();
                co_return record.cause();
            }(ex, std::move(cmd), limit);
        };
        auto cause = co_await cause_of(puppet("pause-forever"), 50ms);
        BOOST_TEST(cause == end_cause::not_ready);
        // Until it was given the processor for long enough to get ready.
        for (auto limit = 500ms; cause == end_cause::not_ready && limit < 10s; limit *= 2)
            cause = co_await cause_of(puppet("writefd", "3", "x", "pause-forever"), limit);
        BOOST_TEST(cause == end_cause::time_limit);
    });
}

/// Nobody reads that stream, so nothing comes by which those who have given up could be noticed.
BOOST_AUTO_TEST_CASE(lines_that_were_waited_for_in_vain_are_forgotten)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = test::spawn_with_output(ex, "pause-forever");
        auto const shared = std::make_shared<int>(0);
        for (int call = 0; call < 10; ++call) {
            auto const matches = [shared](std::string_view) { return *shared != 0; };
            error_code const ec =
                co_await error_of(execasio::ready(p, readiness::line(matches), 1ms));
            BOOST_TEST(ec == asio::error::timed_out);
        }
        BOOST_TEST(shared.use_count() <= 2);
        co_await end(p);
    });
}

BOOST_AUTO_TEST_SUITE_END()
