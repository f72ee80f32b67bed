#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"
#include "support/zombies.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <exception>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stream;
using test::await_zombie;
using test::has_ended;
using test::in_background;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::scaled;
using test::some_turns;
using test::spawn_gated;
using test::spawn_with_output;

namespace {

int exit_code_by_future(process& p, asio::io_context& context)
{
    std::future<exit_record> end = p.async_wait(asio::use_future);
    std::thread loop([&context] { context.run(); });
    bool const in_time = end.wait_for(scaled(20s)) == std::future_status::ready;
    if (!in_time)
        context.stop();
    loop.join();
    return in_time ? end.get().code() : -1;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process_object, test::no_leaks)

BOOST_AUTO_TEST_CASE(any_number_of_waits_get_the_record_before_and_after_the_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "7");
        std::vector<int> codes;
        auto const note = [&codes](error_code ec, exit_record const& how) {
            BOOST_TEST(!ec);
            codes.push_back(how.code());
        };
        for (int i = 0; i < 3; ++i)
            p.async_wait(note);
        auto const await_it = [&]() -> asio::awaitable<void> {
            exit_record const how = co_await p.wait();
            codes.push_back(how.code());
        };
        for (int i = 0; i < 3; ++i)
            in_background(ex, await_it);
        co_await some_turns();
        BOOST_TEST(p.running());
        BOOST_TEST(!p.record());
        p.input().close();
        exit_record how = co_await p.wait();
        BOOST_TEST(how.code() == 7);
        co_await test::until([&] { return codes.size() == 6; });
        BOOST_TEST(!p.running());
        BOOST_TEST(p.record().value().code() == 7);

        how = co_await p.wait();
        BOOST_TEST(how.code() == 7);
        how = co_await p.async_wait(asio::use_awaitable);
        BOOST_TEST(how.code() == 7);
        bool inside = true;
        p.async_wait([&](error_code ec, exit_record const& again) {
            BOOST_TEST(!inside); // never from within the call
            note(ec, again);
        });
        inside = false;
        co_await test::until([&] { return codes.size() == 7; });
        for (int const code : codes)
            BOOST_TEST(code == 7);
    });
}

BOOST_AUTO_TEST_CASE(a_deferred_wait_begins_when_it_is_launched)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "3");
        auto wait = p.async_wait(asio::deferred);
        p.input().close();
        asio::awaitable<exit_record> launched = std::move(wait)(asio::use_awaitable);
        exit_record const how = co_await std::move(launched);
        BOOST_TEST(how.code() == 3);
    });
}

BOOST_AUTO_TEST_CASE(a_future_is_made_ready_by_a_context_on_another_thread)
{
    asio::io_context context;
    process p = spawn_gated(context.get_executor(), "exit", "4");
    p.input().close();
    BOOST_TEST(exit_code_by_future(p, context) == 4);
    context.restart();
    BOOST_TEST(exit_code_by_future(p, context) == 4); // it has ended
}

BOOST_AUTO_TEST_CASE(who_is_told_on_another_executor_has_work_there_until_then)
{
    asio::io_context context;
    asio::io_context elsewhere;
    process p = spawn_gated(context.get_executor(), "exit", "5");
    int code = -1;
    p.async_wait(asio::bind_executor(elsewhere, [&](error_code ec, exit_record const& how) {
        BOOST_TEST(!ec);
        code = how.code();
    }));
    elsewhere.poll();
    BOOST_TEST(!elsewhere.stopped());
    p.input().close();
    auto const end = std::chrono::steady_clock::now() + scaled(20s);
    while (p.running() && std::chrono::steady_clock::now() < end)
        context.run_one_for(scaled(20s));
    context.poll();
    BOOST_TEST(code == -1);
    elsewhere.run_for(scaled(20s));
    BOOST_TEST(code == 5);
    BOOST_TEST(elsewhere.stopped());
}

BOOST_AUTO_TEST_CASE(processes_on_strands_of_a_thread_pool_are_waited_for)
{
    asio::thread_pool pool(3);
    std::atomic<int> sum = 0;
    std::atomic<int> failures = 0; // Boost.Test is not for many threads
    for (int i = 0; i < 24; ++i) {
        auto const strand = asio::make_strand(pool.get_executor());
        auto const body = [&sum, strand]() -> asio::awaitable<void> {
            for (int n = 0; n < 3; ++n) {
                process p = spawn_with_output(strand, "say", "x", "exit", "1");
                std::string const text = co_await p.output().read_all();
                exit_record const how = co_await p.wait();
                if (text == "x\n")
                    sum += how.code();
            }
        };
        asio::co_spawn(strand, body, [&failures](std::exception_ptr e) { failures += e ? 1 : 0; });
    }
    pool.join();
    BOOST_TEST(failures == 0);
    BOOST_TEST(sum == 72);
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_touches_neither_the_process_nor_the_other_waits)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "5");
        for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                                asio::cancellation_type::total}) {
            asio::cancellation_signal signal;
            std::vector<error_code> cancelled;
            auto const note = [&](error_code ec, exit_record const& how) {
                cancelled.push_back(ec);
                BOOST_TEST(!how.known());
            };
            p.async_wait(asio::bind_cancellation_slot(signal.slot(), note));
            co_await some_turns();
            signal.emit(type);
            co_await test::until([&] { return cancelled.size() == 1; });
            BOOST_TEST(cancelled.front() == asio::error::operation_aborted);
        }
        BOOST_TEST(!has_ended(p.id()));

        // Now beside others, and one that comes while the watch of the last is being given up.
        asio::cancellation_signal signal;
        int aborted = 0;
        int ended = 0;
        auto const note = [&](error_code ec, exit_record const& how) {
            if (ec == asio::error::operation_aborted)
                ++aborted;
            else
                ended += how.code();
        };
        p.async_wait(asio::bind_cancellation_slot(signal.slot(), note));
        co_await some_turns();
        signal.emit(asio::cancellation_type::total);
        p.async_wait(note);
        p.async_wait(note);
        co_await test::until([&] { return aborted == 1; });
        BOOST_TEST(ended == 0);
        p.input().close();
        co_await test::until([&] { return ended == 10; });
        BOOST_TEST(aborted == 1);
    });
}

BOOST_AUTO_TEST_CASE(poll_does_without_a_running_context)
{
    asio::io_context context;
    process p = spawn_gated(context.get_executor(), "exit", "2");
    BOOST_TEST(p.poll());
    p.input().close();
    await_zombie(p.id());
    BOOST_TEST(p.running()); // nobody has looked
    BOOST_TEST(!p.poll());
    BOOST_TEST(p.record().value().code() == 2);
}

BOOST_AUTO_TEST_CASE(a_process_nobody_waits_for_does_not_keep_the_context_running)
{
    asio::io_context context;
    process p = spawn_gated(context.get_executor());
    BOOST_TEST(context.run() == 0u);
    asio::cancellation_signal signal;
    p.async_wait(
        asio::bind_cancellation_slot(signal.slot(), [](error_code, exit_record const&) {}));
    context.restart();
    context.poll();
    BOOST_TEST(!context.stopped());
    signal.emit(asio::cancellation_type::total);
    context.run_for(scaled(10s));
    BOOST_TEST(context.stopped());
    p.input().close();
    await_zombie(p.id());
    BOOST_TEST(!p.poll());
}

BOOST_AUTO_TEST_CASE(many_ends_at_once_are_all_seen)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends gate;
        command cmd = puppet("await", "exit", "1");
        cmd.input(stream::descriptor(gate.reader()));
        std::vector<process> all;
        int sum = 0;
        for (int i = 0; i < 100; ++i) {
            all.push_back(execasio::spawn(ex, cmd));
            all.back().async_wait([&](error_code, exit_record const& how) { sum += how.code(); });
        }
        co_await some_turns();
        BOOST_TEST(sum == 0);
        gate.close_reader();
        gate.close_writer();
        co_await test::until([&] { return sum == 100; });
    });
}

BOOST_AUTO_TEST_SUITE_END()
