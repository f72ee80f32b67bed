#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::end_cause;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stop_plan;
using test::has_ended;
using test::never;
using test::puppet;
using test::ready_puppet;
using test::run_coroutine;
using test::scaled;

BOOST_FIXTURE_TEST_SUITE(stopping, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_second_stop_awaits_the_first_plan)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::optional<std::string> line;
        // Until it is given the processor soon enough to tell of the first signal.
        for (auto grace = 50ms; !line && grace < 5s; grace *= 3) {
            process p = co_await ready_puppet("report", "15", "report", "10");
            int done = 0;
            asio::co_spawn(ex, execasio::stop(p, stop_plan().grace(grace)),
                           [&](std::exception_ptr e, exit_record const& how) {
                               BOOST_TEST(!e);
                               BOOST_TEST(how.signal() == SIGKILL);
                               ++done;
                           });
            line = co_await p.output().read_line();
            stop_plan other = stop_plan::kill();
            other.signal(SIGUSR1, never);
            exit_record const how = co_await execasio::stop(p, other);
            BOOST_TEST(how.signal() == SIGKILL);
            BOOST_TEST(how.stop_stage().value() == 1u);
            BOOST_TEST(!execasio::request_stop(p, other));
            co_await test::until([&] { return done == 1; });
            std::string const rest = co_await p.output().read_all();
            BOOST_TEST(rest == ""); // no SIGUSR1
        }
        BOOST_TEST(line.value() == "sig15");
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_does_not_stop_the_plan)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        bool in_time = false;
        // Until the caller is cancelled before the plan has come to its end.
        for (auto grace = 50ms; !in_time && grace < 5s; grace *= 3) {
            process p = co_await ready_puppet("report", "15");
            asio::cancellation_signal signal;
            std::exception_ptr failure;
            bool told = false;
            auto const note = [&](std::exception_ptr e, exit_record const&) {
                failure = e;
                told = true;
            };
            asio::co_spawn(ex, execasio::stop(p, stop_plan().grace(grace)),
                           asio::bind_cancellation_slot(signal.slot(), note));
            co_await p.output().read_line();
            signal.emit(asio::cancellation_type::terminal);
            co_await test::until([&] { return told; });
            in_time = failure && p.poll();
            exit_record const how = co_await p.wait();
            BOOST_TEST(how.signal() == SIGKILL);
            BOOST_TEST(how.stop_stage().value() == 1u);
        }
        BOOST_TEST(in_time);
    });
}

BOOST_AUTO_TEST_CASE(a_process_that_is_dropped_under_a_plan_is_killed_at_once)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet("report", "15");
        exit_record record;
        p.async_wait([&](error_code, exit_record const& how) { record = how; });
        BOOST_TEST(!execasio::request_stop(p, stop_plan().grace(never)));
        p = process();
        co_await test::until([&] { return record.known(); });
        BOOST_TEST(record.signal() == SIGKILL);
        BOOST_TEST(record.cause() == end_cause::stopped);
    });
}

BOOST_AUTO_TEST_CASE(a_plan_goes_on_for_a_detached_process)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet("report", "15");
        exit_record record;
        p.async_wait([&](error_code, exit_record const& how) { record = how; });
        auto const before = std::chrono::steady_clock::now();
        BOOST_TEST(!execasio::request_stop(p, stop_plan().grace(50ms)));
        execasio::output_stream const out = p.output();
        p.detach();
        co_await test::until([&] { return record.known(); });
        BOOST_TEST((std::chrono::steady_clock::now() - before >= 50ms));
        BOOST_TEST(record.signal() == SIGKILL);
        BOOST_TEST(record.stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(the_object_may_go_before_the_operation_begins)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto p = std::make_unique<process>(co_await ready_puppet());
        auto stopping = execasio::stop(*p, stop_plan().grace(never));
        p->on_destroy(execasio::lifetime::detach);
        p.reset();
        exit_record const how = co_await std::move(stopping);
        BOOST_TEST(how.signal() == SIGTERM);
    });
}

BOOST_AUTO_TEST_CASE(a_context_may_go_with_plans_under_way)
{
    pid_t owned = 0;
    pid_t detached = 0;
    {
        asio::io_context context;
        auto const ex = context.get_executor();
        auto const body = [&](bool detach) -> asio::awaitable<void> {
            process p = co_await ready_puppet("ignore", "15");
            (detach ? detached : owned) = p.id();
            stop_plan plan = stop_plan::kill();
            plan.command(puppet("pause-forever"), never);
            BOOST_TEST(!execasio::request_stop(p, plan));
            if (detach)
                p.detach();
            co_await test::for_ever();
        };
        asio::co_spawn(ex, body(false), [](std::exception_ptr) {});
        asio::co_spawn(ex, body(true), [](std::exception_ptr) {});
        auto const end = std::chrono::steady_clock::now() + scaled(10s);
        while ((owned == 0 || detached == 0) && std::chrono::steady_clock::now() < end)
            context.run_one_for(scaled(10s));
        context.poll();
        BOOST_REQUIRE((owned != 0 && detached != 0));
    }
    BOOST_TEST(has_ended(owned, 10s));
    BOOST_TEST(!has_ended(detached));
    ::kill(detached, SIGKILL);
    BOOST_TEST(has_ended(detached, 10s));
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        co_await test::until([&] { // the commands were killed as well, and are reaped
            execasio::process p = execasio::spawn(ex, puppet());
            has_ended(p.id(), 10s);
            p.poll();
            return !test::has_children();
        });
    });
}

BOOST_AUTO_TEST_SUITE_END()
