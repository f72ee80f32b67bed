#include "support/add_ready.hpp"
#include "support/conditions.hpp"
#include "support/family.hpp"
#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/nephew.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"
#include "support/temporary_file.hpp"

#include <execasio/adopt.hpp>
#include <execasio/stop.hpp>
#include <execasio/supervisor.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stop_plan;
using execasio::stream;
using execasio::supervisor;
using test::add_ready;
using test::await_ready;
using test::has_ended;
using test::never;
using test::pipe_ends;
using test::puppet;
using test::ready_command;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(supervising, test::no_leaks)
BOOST_AUTO_TEST_CASE(shutdown_ends_two_hundred_at_once)
{
    run_coroutine(
        []() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            bool at_once = false;
            bool all_willing = false;
            // Until all are given the processor in time to act on the first signal. Once is enough.
            for (auto grace = 300ms; grace < 5s && !(at_once && all_willing); grace *= 2) {
                unsigned by_term = 0;
                unsigned by_kill = 0;
                supervisor all(ex, [&](process&, error_code, exit_record const& how) {
                    by_term += how.signal() == SIGTERM ? 1u : 0u;
                    by_kill += how.signal() == SIGKILL && how.stop_stage() == 1u ? 1u : 0u;
                });
                std::vector<process*> added;
                for (int i = 0; i < 200; ++i) {
                    command const cmd =
                        i % 4 == 0 ? ready_command("ignore", "15") : ready_command();
                    added.push_back(&all.spawn(cmd, stop_plan().grace(grace)));
                }
                for (process* p : added)
                    co_await await_ready(p->output());
                auto const before = std::chrono::steady_clock::now();
                std::size_t const left = co_await all.shutdown(never);
                auto const took = std::chrono::steady_clock::now() - before;
                BOOST_TEST(left == 0u);
                BOOST_TEST(by_term + by_kill == 200u);
                BOOST_TEST(by_kill >= 50u);
                BOOST_TEST((took >= grace));
                all_willing = by_kill == 50u;
                // One after the other they would take 50 times the grace.
                at_once = took < test::scaled(10 * grace);
                BOOST_TEST(co_await all.shutdown(0ms) == 0u);
            }
            BOOST_TEST(all_willing);
            BOOST_TEST(at_once);
        },
        60s);
}

/// It may have to clean up what the process has left.
BOOST_AUTO_TEST_CASE(a_plan_s_command_that_outlives_the_process_is_waited_for)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        test::temporary_file const file;
        stop_plan plan = stop_plan::kill();
        plan.command(command::shell("kill $CHILD_PID; sleep 0.3; echo done >" + file.path()),
                     never);
        supervisor all(ex);
        co_await add_ready(all, plan);
        std::size_t const left = co_await all.shutdown(20s);
        BOOST_TEST(left == 0u);
        BOOST_TEST(file.content() == "done\n");
    });
}

BOOST_AUTO_TEST_CASE(a_plan_s_command_that_is_left_at_the_bound_is_killed)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        command hanging = puppet("kill", "15", "pause-forever");
        hanging.output(stream::descriptor(pipe.writer()));
        stop_plan plan = stop_plan::kill();
        plan.command(hanging, never);
        exit_record record;
        supervisor all(ex, [&](process&, error_code, exit_record const& how) { record = how; });
        pid_t const pid = co_await add_ready(all, plan);
        auto const shut_down = [&]() -> asio::awaitable<void> {
            std::size_t const left = co_await all.shutdown(test::scaled(500ms));
            BOOST_TEST(left == 0u);
        };
        bool done = false;
        asio::co_spawn(ex, shut_down, [&](std::exception_ptr) { done = true; });
        co_await test::until([&] { return all.size() == 0; });
        BOOST_TEST(has_ended(pid));
        BOOST_TEST(!done);
        co_await test::until([&] { return done; });
        BOOST_TEST(record.signal() == SIGTERM);
        BOOST_TEST(record.stop_stage().value() == 0u);
        pipe.close_writer();
        BOOST_TEST(test::is_readable(pipe.reader(), 10s)); // its end
        char byte;
        BOOST_TEST(::read(pipe.reader(), &byte, 1) == 0);
    });
}

BOOST_AUTO_TEST_CASE(so_is_the_command_of_a_process_that_lives_until_then)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        bool in_time = false; // once is enough: others may have the processor
        for (int tries = 0; tries < 5 && !in_time; ++tries) {
            stop_plan plan = stop_plan::kill();
            plan.command(puppet("pause-forever"), never);
            supervisor all(ex);
            co_await add_ready(all, plan);
            auto const before = std::chrono::steady_clock::now();
            std::size_t const left = co_await all.shutdown(100ms);
            BOOST_TEST(left == 0u);
            in_time = std::chrono::steady_clock::now() - before < 600ms;
        }
        BOOST_TEST(in_time);
    });
}

BOOST_AUTO_TEST_CASE(so_it_is_when_its_plan_has_come_to_the_last_stage)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        {
            command hanging = puppet("pause-forever");
            hanging.output(stream::descriptor(pipe.writer()));
            stop_plan plan = stop_plan::kill();
            plan.command(hanging, 0ms, never).target(execasio::stop_target::group);
            supervisor all(ex);
            command cmd = ready_command("fork", "pause-forever", "join");
            process& p = all.spawn(cmd.group(execasio::process_group::create()), plan);
            co_await await_ready(p.output());
            std::size_t const left = co_await all.shutdown(0ms);
            BOOST_TEST(left == 0u);
        }
        pipe.close_writer();
        BOOST_TEST(test::is_readable(pipe.reader(), 10s)); // its end
    });
}

/// The stage's time is over, and so is the shutdown's, before the event loop sees either.
BOOST_AUTO_TEST_CASE(a_stage_is_not_left_twice)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        exit_record record;
        supervisor all(ex, [&](process&, error_code, exit_record const& how) { record = how; });
        command cmd = puppet("pause-forever");
        process& p = all.spawn(cmd.group(execasio::process_group::create()));
        stop_plan plan = stop_plan::kill();
        plan.signal(SIGURG, 20ms).target(execasio::stop_target::group);
        BOOST_TEST(!execasio::request_stop(p, plan));
        asio::post(ex, [] { std::this_thread::sleep_for(40ms); });
        std::size_t const left = co_await all.shutdown(10ms);
        BOOST_TEST(left == 0u);
        BOOST_TEST(record.stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(what_is_left_at_the_bound_is_killed)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        exit_record record;
        supervisor all(ex, [&](process&, error_code, exit_record const& how) { record = how; });
        co_await add_ready(all, stop_plan().grace(never), "ignore", "15");
        std::size_t const left = co_await all.shutdown(20ms);
        BOOST_TEST(left == 0u);
        BOOST_TEST(record.signal() == SIGKILL);
        BOOST_TEST(record.cause() == end_cause::dropped);
        BOOST_TEST(record.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(the_longest_bound_is_no_bound)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        exit_record record;
        supervisor all(ex, [&](process&, error_code, exit_record const& how) { record = how; });
        co_await add_ready(all, stop_plan().grace(100ms), "ignore", "15");
        std::size_t const left = co_await all.shutdown(std::chrono::milliseconds::max());
        BOOST_TEST(left == 0u);
        BOOST_TEST(record.cause() == end_cause::stopped);
        BOOST_TEST(record.stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_shutdown_lets_the_plans_go_on)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        bool in_time = false;
        // Until it is cancelled before the plan has come to its end.
        for (auto grace = 100ms; !in_time && grace < 5s; grace *= 3) {
            supervisor all(ex);
            pid_t const pid = co_await add_ready(all, stop_plan().grace(grace), "ignore", "15");
            asio::cancellation_signal signal;
            bool done = false;
            bool cancelled = false;
            asio::co_spawn(
                ex, all.shutdown(20s),
                asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e, std::size_t) {
                    cancelled = bool(e);
                    done = true;
                }));
            asio::steady_timer turn(ex, 1ms);
            co_await turn.async_wait(asio::use_awaitable);
            signal.emit(asio::cancellation_type::terminal);
            co_await test::until([&] { return done; });
            in_time = cancelled && !has_ended(pid);
            co_await test::until([&] { return all.size() == 0; });
        }
        BOOST_TEST(in_time);
    });
}

/// Also of a member whose plan was for more than itself.
BOOST_AUTO_TEST_CASE(a_shutdown_s_bound_is_for_the_whole_tree)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::string const word = test::family_word();
        supervisor all(ex);
        command cmd =
            puppet("ignore", "15", "fork-session", "pause-forever", "join", "pause-forever", word);
        all.spawn(cmd, test::tree_plan(std::chrono::hours(1)));
        co_await test::until([&] { return test::processes_with_word(word).size() == 2; });
        std::size_t const left = co_await all.shutdown(50ms);
        BOOST_TEST(left == 0u);
        BOOST_TEST(test::processes_with_word(word).empty());
    });
}

/// What cannot be done is not waited for.
BOOST_AUTO_TEST_CASE(who_may_not_be_signalled_does_not_hold_up_the_shutdown)
{
    if (!test::may_change_identity())
        return;
    test::nephew const other(test::nephew::parent::reaps);
    BOOST_TEST(test::failure_in_fork([&] {
                   test::ensure(::setresuid(test::nobody, test::nobody, test::nobody) == 0,
                                "setresuid");
                   asio::io_context context(1);
                   supervisor all(context.get_executor());
                   all.add(execasio::adopt(context.get_executor(), other.pid()));
                   std::size_t left = 0;
                   asio::co_spawn(context, all.shutdown(std::chrono::hours(1)),
                                  [&](std::exception_ptr, std::size_t count) {
                                      left = count;
                                      context.stop();
                                  });
                   context.run();
                   test::ensure(left == 1, "left: " + std::to_string(left));
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_shutdown_ends_also_when_the_handler_throws)
{
    asio::io_context context(1);
    supervisor all(context.get_executor(), [](process&, error_code, exit_record const&) {
        throw std::runtime_error("the handler's");
    });
    all.spawn(puppet("exit", "0"));
    std::optional<std::size_t> left;
    asio::co_spawn(context, all.shutdown(never),
                   [&](std::exception_ptr, std::size_t count) { left = count; });
    int thrown = 0;
    for (int tries = 0; tries < 3 && !context.stopped(); ++tries) {
        try {
            context.run_for(test::scaled(20s));
        } catch (std::runtime_error const&) {
            ++thrown;
        }
    }
    BOOST_TEST(thrown == 1);
    BOOST_TEST((left == std::optional<std::size_t>(0)));
    BOOST_TEST(all.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
