#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::process_group;
using execasio::stop_plan;
using execasio::stop_target;
using execasio::stream;
using test::error_of;
using test::has_ended;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::scaled;

namespace {

/// Spawns a child and waits until it says "ready", the last of the words to be given.
template <class... Words>
asio::awaitable<process> ready_puppet(bool group, Words... words)
{
    auto const ex = co_await asio::this_coro::executor;
    command cmd = puppet(words..., "say", "ready", "pause-forever");
    cmd.output(stream::pipe);
    if (group)
        cmd.group(process_group::create());
    process p = execasio::spawn(ex, cmd);
    auto const line = co_await p.output().read_line();
    BOOST_REQUIRE(line.value() == "ready");
    co_return p;
}

constexpr auto never = std::chrono::hours(1); // a time that no passing test spends

} // namespace

BOOST_FIXTURE_TEST_SUITE(stopping, test::no_leaks)

BOOST_AUTO_TEST_CASE(the_default_plan_asks_politely_first)
{
    stop_plan const plan;
    BOOST_REQUIRE(plan.stages().size() == 1u);
    BOOST_TEST(plan.stages()[0].signal == SIGTERM);
    BOOST_TEST((plan.stages()[0].wait == 5s));
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false);
        exit_record const how = co_await execasio::stop(p);
        BOOST_TEST(how.signal() == SIGTERM);
        BOOST_TEST(how.cause() == end_cause::stopped);
        BOOST_TEST(how.stop_stage().value() == 0u);
        BOOST_TEST((how.wall_time() < 5s));
    });
}

BOOST_AUTO_TEST_CASE(a_stubborn_child_is_killed_after_its_grace)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false, "report", "15");
        auto const before = std::chrono::steady_clock::now();
        exit_record const how = co_await execasio::stop(p, stop_plan().grace(30ms));
        BOOST_TEST((std::chrono::steady_clock::now() - before >= 30ms));
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.stop_stage().value() == 1u);
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "sig15");
        auto const end = co_await p.output().read_line();
        BOOST_TEST(!end);
    });
}

BOOST_AUTO_TEST_CASE(a_plan_without_stages_kills_at_once)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false, "report", "15");
        exit_record const how = co_await execasio::stop(p, stop_plan::kill());
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.stop_stage().value() == 0u);
        auto const line = co_await p.output().read_line();
        BOOST_TEST(!line); // no other signal came before
    });
}

BOOST_AUTO_TEST_CASE(stages_follow_in_order_and_the_last_one_begun_is_told)
{
    run_coroutine([]() -> asio::awaitable<void> {
        stop_plan plan = stop_plan::kill();
        plan.signal(SIGHUP, 5ms).signal(SIGINT, 5ms).signal(SIGUSR1, never).signal(SIGUSR2, never);
        process p = co_await ready_puppet(false, "report", "1", "report", "2");
        exit_record how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGUSR1);
        BOOST_TEST(how.stop_stage().value() == 2u);
        std::string const said = co_await p.output().read_all();
        BOOST_TEST((said == "sig01\nsig02\n" || said == "sig02\nsig01\n")); // if both were pending
        BOOST_TEST((how.wall_time() >= 10ms));

        stop_plan short_plan = stop_plan::kill();
        short_plan.signal(SIGHUP, 1ms).signal(SIGINT, -5ms);
        process q = co_await ready_puppet(false, "ignore", "1", "ignore", "2");
        how = co_await execasio::stop(q, short_plan);
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.stop_stage().value() == 2u);
    });
}

BOOST_AUTO_TEST_CASE(a_child_that_leaves_by_itself_is_told_so_by_its_code)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("leave", "15", "4", "say", "ready", "pause-forever");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        co_await p.output().read_line();
        exit_record const how = co_await execasio::stop(p, stop_plan().grace(never));
        BOOST_TEST(how.code() == 4);
        BOOST_TEST(how.cause() == end_cause::stopped);
        BOOST_TEST(how.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(an_ended_process_needs_no_plan)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, puppet("exit", "2"));
        BOOST_TEST(has_ended(p.id(), 10s)); // and we do not know it yet
        exit_record how = co_await execasio::stop(p);
        BOOST_TEST(how.code() == 2);
        BOOST_TEST(how.cause() == end_cause::itself);
        BOOST_TEST(!how.stop_stage().has_value());
        how = co_await execasio::stop(p);
        BOOST_TEST(how.code() == 2);
        BOOST_TEST(!execasio::request_stop(p));
        process none;
        BOOST_TEST(execasio::request_stop(none) == errc::no_process);
        error_code const ec = co_await error_of(execasio::stop(none));
        BOOST_TEST(ec == errc::no_process);
    });
}

BOOST_AUTO_TEST_CASE(a_command_can_do_the_stopping)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false);
        stop_plan plan = stop_plan::kill();
        plan.command(puppet("kill", "10"), never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGUSR1);
        BOOST_TEST(how.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(a_hanging_command_is_killed_with_its_group_when_its_time_is_over)
{
    run_coroutine([]() -> asio::awaitable<void> {
        pipe_ends pipe;
        process p = co_await ready_puppet(false);
        command hanging =
            puppet("ignore", "15", "fork", "ids", "pause-forever", "join", "ids", "pause-forever");
        hanging.output(stream::descriptor(pipe.writer()));
        stop_plan plan = stop_plan::kill();
        plan.command(hanging, 200ms).signal(SIGUSR2, never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGUSR2);
        BOOST_TEST(how.stop_stage().value() == 1u);
        pipe.close_writer();
        execasio::output_stream out(co_await asio::this_coro::executor, pipe.release_reader());
        std::string group;
        for (int i = 0; i < 2; ++i) {
            auto const line = co_await out.read_line();
            auto const pid = static_cast<pid_t>(std::stol(line.value()));
            BOOST_TEST(has_ended(pid, 10s));
            std::string const rest = line->substr(line->find(' '));
            BOOST_TEST((group.empty() || group == rest));
            group = rest;
        }
        BOOST_TEST(std::stol(group) != ::getpgrp());
    });
}

BOOST_AUTO_TEST_CASE(a_command_that_outlives_the_process_does_not_keep_the_context_running)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false);
        pipe_ends pipe;
        command slow = puppet("kill", "15", "await", "exit", "0");
        slow.input(stream::descriptor(pipe.reader()));
        stop_plan plan = stop_plan::kill();
        plan.command(slow, never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGTERM);
    }); // the command ends now, and run_coroutine waits for the context to run dry
}

BOOST_AUTO_TEST_CASE(a_command_that_cannot_be_started_gives_way_to_sigterm)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false);
        stop_plan plan = stop_plan::kill();
        plan.command(command("/no/such/program"), never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGTERM);
        BOOST_TEST(how.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(a_suspended_process_is_continued_to_hear_the_signal)
{
    run_coroutine([]() -> asio::awaitable<void> {
        for (bool const group : {false, true}) {
            process p = co_await ready_puppet(group, "report", "18");
            p.signal(SIGSTOP);
            co_await test::until([&] { return test::is_in_state(p.id(), 'T'); });
            stop_plan plan = stop_plan().grace(never);
            if (group)
                plan.target(stop_target::group);
            exit_record const how = co_await execasio::stop(p, plan);
            BOOST_TEST(how.signal() == SIGTERM);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_second_stop_awaits_the_first_plan)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = co_await ready_puppet(false, "report", "15", "report", "10");
        int done = 0;
        asio::co_spawn(ex, execasio::stop(p, stop_plan().grace(50ms)),
                       [&](std::exception_ptr e, exit_record const& how) {
                           BOOST_TEST(!e);
                           BOOST_TEST(how.signal() == SIGKILL);
                           ++done;
                       });
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "sig15");
        stop_plan other = stop_plan::kill();
        other.signal(SIGUSR1, never);
        exit_record const how = co_await execasio::stop(p, other);
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.stop_stage().value() == 1u);
        BOOST_TEST(!execasio::request_stop(p, other));
        co_await test::until([&] { return done == 1; });
        std::string const rest = co_await p.output().read_all();
        BOOST_TEST(rest == ""); // no SIGUSR1
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_does_not_stop_the_plan)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = co_await ready_puppet(false, "report", "15");
        asio::cancellation_signal signal;
        std::exception_ptr failure;
        auto const note = [&](std::exception_ptr e, exit_record const&) { failure = e; };
        asio::co_spawn(ex, execasio::stop(p, stop_plan().grace(50ms)),
                       asio::bind_cancellation_slot(signal.slot(), note));
        co_await p.output().read_line();
        signal.emit(asio::cancellation_type::terminal);
        co_await test::until([&] { return bool(failure); });
        BOOST_TEST(!has_ended(p.id()));
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_process_that_is_dropped_under_a_plan_is_killed_at_once)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false, "report", "15");
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
        process p = co_await ready_puppet(false, "report", "15");
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
        auto p = std::make_unique<process>(co_await ready_puppet(false));
        asio::awaitable<exit_record> stopping = execasio::stop(*p, stop_plan().grace(never));
        p->on_destroy(execasio::lifetime::detach);
        p.reset();
        exit_record const how = co_await std::move(stopping);
        BOOST_TEST(how.signal() == SIGTERM);
    });
}

BOOST_AUTO_TEST_CASE(a_group_is_stopped_as_a_whole)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("fork", "ids", "pause-forever", "join", "pause-forever");
        cmd.output(stream::pipe).group(process_group::create());
        process p = execasio::spawn(ex, cmd);
        auto const line = co_await p.output().read_line();
        auto const descendant = static_cast<pid_t>(std::stol(line.value()));
        stop_plan const plan = stop_plan().target(stop_target::group);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGTERM);
        BOOST_TEST(has_ended(descendant, 10s));
    });
}

BOOST_AUTO_TEST_CASE(without_a_group_of_its_own_only_the_process_is_meant)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet(false);
        stop_plan const plan = stop_plan().target(stop_target::group);
        exit_record const how = co_await execasio::stop(p, plan); // and this program goes on
        BOOST_TEST(how.signal() == SIGTERM);
    });
}

BOOST_AUTO_TEST_CASE(sigkill_comes_on_time_beside_a_busy_stream)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command noisy = puppet("lines", "1000000000");
        noisy.output(stream::pipe);
        process sibling = execasio::spawn(ex, noisy);
        bool done = false;
        int running = 2;
        auto const ended = [&](std::exception_ptr e) {
            BOOST_TEST(!e);
            --running;
        };
        auto const read = [&]() -> asio::awaitable<void> {
            while (!done)
                co_await sibling.output().read_line();
        };
        asio::co_spawn(ex, read, ended);
        // How long others keep the loop to themselves, in CPU time: what the machine does besides
        // must not count.
        std::chrono::nanoseconds longest_turn{};
        auto const measure = [&]() -> asio::awaitable<void> {
            auto last = test::own_cpu_time();
            while (!done) {
                co_await asio::post(ex, asio::use_awaitable);
                auto const now = test::own_cpu_time();
                longest_turn = std::max(longest_turn, now - last);
                last = now;
            }
        };
        asio::co_spawn(ex, measure, ended);
        std::vector<std::chrono::steady_clock::duration> late;
        for (int i = 0; i < 9; ++i) {
            process p = co_await ready_puppet(false, "ignore", "15");
            auto const before = std::chrono::steady_clock::now();
            exit_record const how = co_await execasio::stop(p, stop_plan().grace(20ms));
            late.push_back(std::chrono::steady_clock::now() - before - 20ms);
            BOOST_TEST(how.signal() == SIGKILL);
            BOOST_TEST((late.back() >= 0ms)); // never early
        }
        done = true;
        co_await test::until([&] { return running == 0; });
        std::sort(late.begin(), late.end());
        BOOST_TEST_INFO("late by " << late.front() / 1us << " to " << late.back() / 1us
                                   << " us, longest turn " << longest_turn / 1us << " us");
        BOOST_TEST((longest_turn < scaled(5ms)));
        BOOST_TEST_INFO("late by " << late.front() / 1us << " to " << late.back() / 1us << " us");
        BOOST_TEST((late.front() < scaled(5ms))); // the best: others use this machine, too
    });
}

BOOST_AUTO_TEST_CASE(what_may_not_be_signalled_is_told_and_no_plan_begun)
{
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("skipped: takes a second user");
        return;
    }
    std::string const failure = test::failure_in_fork([] {
        pipe_ends pipe; // its end releases the child, whoever may signal it
        asio::io_context context;
        command cmd = puppet("say", "ready", "await", "exit", "7");
        cmd.input(stream::descriptor(pipe.reader())).output(stream::pipe);
        process p = execasio::spawn(context.get_executor(), cmd);
        test::ensure(::setresuid(65534, 65534, 65534) == 0, "setresuid");
        error_code ec = execasio::request_stop(p);
        test::ensure(ec.value() == EPERM, "request_stop: " + ec.message());
        p.signal(SIGTERM, ec);
        test::ensure(ec.value() == EPERM, "signal: " + ec.message());
        pipe.close_writer();
        exit_record record;
        p.async_wait([&](error_code, exit_record const& how) { record = how; });
        context.run();
        test::ensure(record.code() == 7, describe(record));
        test::ensure(record.cause() == end_cause::itself, to_string(record.cause()));
        test::ensure(!record.stop_stage(), "a stage is told");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(a_context_may_go_with_plans_under_way)
{
    pid_t owned = 0;
    pid_t detached = 0;
    {
        asio::io_context context;
        auto const ex = context.get_executor();
        auto const body = [&](bool detach) -> asio::awaitable<void> {
            process p = co_await ready_puppet(false, "ignore", "15");
            (detach ? detached : owned) = p.id();
            stop_plan plan = stop_plan::kill();
            plan.command(puppet("pause-forever"), never);
            BOOST_TEST(!execasio::request_stop(p, plan));
            if (detach)
                p.detach();
            asio::steady_timer timer(ex, asio::steady_timer::time_point::max());
            co_await timer.async_wait(asio::use_awaitable);
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
