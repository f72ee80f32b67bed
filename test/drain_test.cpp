#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/drain.hpp>
#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::captured;
using execasio::command;
using execasio::drain_policy;
using execasio::errc;
using execasio::error_code;
using execasio::output_stream;
using execasio::process;
using execasio::stream;
using test::error_of;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;

namespace {

/// A child that has said "early" and ended; a descendant has its output until standard input ends,
/// and says "late" then.
process with_descendant(asio::any_io_executor executor, pipe_ends& input)
{
    command cmd =
        puppet("fork", "await", "say", "late", "exit", "0", "join", "say", "early", "exit", "0");
    cmd.input(stream::descriptor(input.reader())).output(stream::pipe);
    return execasio::spawn(executor, cmd);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(draining, test::no_leaks)

BOOST_AUTO_TEST_CASE(to_the_end_means_until_the_last_descendant_has_let_go)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends input;
        process p = with_descendant(ex, input);
        co_await p.wait();
        captured all;
        bool done = false;
        asio::co_spawn(ex, drain(p.output(), drain_policy::to_end()),
                       [&](std::exception_ptr e, captured c) {
                           BOOST_TEST(!e);
                           all = std::move(c);
                           done = true;
                       });
        co_await test::until([&] { return p.output().total() == 6; });
        for (int i = 0; i < 20; ++i)
            co_await asio::post(ex, asio::use_awaitable);
        BOOST_TEST(!done);
        input.close_writer();
        co_await test::until([&] { return done; });
        BOOST_TEST(all.text == "early\nlate\n");
        BOOST_TEST(!all.held);
    });
}

BOOST_AUTO_TEST_CASE(a_time_ends_it_and_the_result_says_who_is_left)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends input;
        process p = with_descendant(ex, input);
        co_await p.wait();
        auto const before = std::chrono::steady_clock::now();
        captured const all = co_await drain(p.output(), drain_policy::for_time(50ms));
        BOOST_TEST((std::chrono::steady_clock::now() - before >= 50ms));
        BOOST_TEST(all.text == "early\n");
        BOOST_TEST(all.held);
        BOOST_TEST(p.output().is_open()); // and can be drained again
        input.close_writer();
        captured const rest = co_await drain(p.output(), drain_policy::for_time(1h));
        BOOST_TEST(rest.text == "late\n");
        BOOST_TEST(!rest.held);
    });
}

BOOST_AUTO_TEST_CASE(what_is_available_comes_without_waiting)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends input;
        process p = with_descendant(ex, input);
        co_await p.wait();
        captured all = co_await drain(p.output(), drain_policy::available());
        BOOST_TEST(all.text == "early\n");
        BOOST_TEST(all.held);
        all = co_await drain(p.output(), drain_policy::available());
        BOOST_TEST((all.text.empty() && all.held));
        input.close_writer();
        co_await drain(p.output(), drain_policy::to_end());
        all = co_await drain(p.output(), drain_policy::available());
        BOOST_TEST((all.text.empty() && !all.held));
    });
}

BOOST_AUTO_TEST_CASE(nobody_left_is_known_without_reading_to_the_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("lines", "3");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        co_await p.wait();
        BOOST_TEST(!p.output().has_writer());
        captured all = co_await drain(p.output(), drain_policy::none());
        BOOST_TEST((all.text.empty() && all.total == 0 && !all.held));
        BOOST_TEST(p.output().available() == 6u); // nothing was taken
        all = co_await drain(p.output(), drain_policy::available());
        BOOST_TEST(all.text == "0\n1\n2\n");
        BOOST_TEST(!all.held);
    });
}

BOOST_AUTO_TEST_CASE(what_was_read_ahead_is_part_of_it)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("lines", "4");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        co_await p.wait();
        auto const first = co_await p.output().read_line();
        BOOST_TEST(first.value() == "0");
        BOOST_TEST(p.output().buffered() == 6u);
        captured const all = co_await drain(p.output(), drain_policy::available());
        BOOST_TEST(all.text == "1\n2\n3\n");
    });
}

BOOST_AUTO_TEST_CASE(a_descendant_that_writes_for_ever_does_not_hold_it_up)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (auto const policy : {drain_policy::for_time(20ms), drain_policy::available()}) {
            command cmd = puppet("fork", "write-forever", "join", "exit", "0");
            cmd.output(stream::pipe);
            process p = execasio::spawn(ex, cmd);
            co_await p.wait();
            bool const waits = policy.time() != 0ms;
            std::size_t const most = p.output().capacity();
            captured const all = co_await drain(p.output(), policy, 1000);
            BOOST_TEST((waits || all.total <= most)); // what it held, and no more
            BOOST_TEST(all.held);
            BOOST_TEST(all.text.size() <= 1000u);
            BOOST_TEST(all.truncated() == (all.total > 1000));
            p.output().close(); // the writer ends by SIGPIPE
        }
    });
}

BOOST_AUTO_TEST_CASE(the_time_limit_of_the_stream_stays_as_it_was)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out(ex, pipe.release_reader());
        out.time_limit(1ms);
        std::vector<char> byte(1);
        captured const all = co_await drain(out, drain_policy::for_time(30ms)); // not the 1 ms
        BOOST_TEST(all.held);
        error_code const ec = co_await error_of(out.read_some(asio::buffer(byte)));
        BOOST_TEST(ec == asio::error::timed_out);
    });
}

BOOST_AUTO_TEST_CASE(it_can_be_cancelled)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out(ex, pipe.release_reader());
        asio::cancellation_signal signal;
        bool cancelled = false;
        asio::co_spawn(
            ex, drain(out, drain_policy::to_end()),
            asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e, captured const&) {
                cancelled = bool(e);
            }));
        co_await asio::post(ex, asio::use_awaitable);
        signal.emit(asio::cancellation_type::terminal);
        co_await test::until([&] { return cancelled; });
    });
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_not_open_holds_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        captured const all = co_await drain(output_stream(), drain_policy::to_end());
        BOOST_TEST((all.text.empty() && !all.held));
    });
}

BOOST_AUTO_TEST_CASE(run_takes_each_of_the_policies)
{
    run_coroutine([]() -> asio::awaitable<void> {
        using execasio::run_options;
        execasio::run_result result = co_await execasio::run(
            puppet("say", "x", "exit", "0"), run_options().drain(drain_policy::available()));
        BOOST_TEST(result.output.text == "x\n");
        BOOST_TEST(!result.output.held); // though nobody waited for the end of the stream

        result = co_await execasio::run(puppet("write", "100", "exit", "0"),
                                        run_options().drain(drain_policy::none()));
        BOOST_TEST((result.output.total == 0 || result.output.total == 100)); // who was first
        BOOST_TEST(!result.output.held);

        pipe_ends input;
        command cmd = puppet("fork", "await", "exit", "0", "join", "exit", "0");
        cmd.input(stream::descriptor(input.reader()));
        result = co_await execasio::run(cmd, run_options().drain(drain_policy::none()));
        BOOST_TEST(result.output.held);
        input.close_writer();
    });
}

BOOST_AUTO_TEST_SUITE_END()
