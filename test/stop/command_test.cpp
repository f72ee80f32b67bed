#include "support/conditions.hpp"
#include "support/held_program.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/this_coro.hpp>

#include <sstream>
#include <string>

#include <signal.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::exit_record;
using execasio::process;
using execasio::process_group;
using execasio::stop_plan;
using execasio::stream;
using test::held_program;
using test::never;
using test::own_identity;
using test::pipe_ends;
using test::puppet;
using test::reader_of;
using test::ready_puppet;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(stopping, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_command_can_do_the_stopping)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        stop_plan plan = stop_plan::kill();
        plan.command(puppet("kill", "10"), never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGUSR1);
        BOOST_TEST(how.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(so_can_a_command_with_an_identity_of_its_own)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        stop_plan plan = stop_plan::kill();
        plan.command(puppet("kill", "10").credentials(own_identity()), never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGUSR1);
        BOOST_TEST(how.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_a_command_that_is_held_up_on_its_way_to_exec)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    run_coroutine([&]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        command held(program.path(), "kill", "10");
        held.credentials(own_identity()).spawn_deadline(never);
        stop_plan plan = stop_plan::kill();
        plan.command(held, 50ms).signal(SIGUSR2, never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGUSR2);
        BOOST_TEST(how.stop_stage().value() == 1u);
        co_await test::until([] { return !test::has_children(); });
    });
}

BOOST_AUTO_TEST_CASE(a_command_whose_identity_is_refused_gives_way_to_SIGTERM)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        stop_plan plan = stop_plan::kill();
        command missing("/nonexistent");
        plan.command(missing.credentials(own_identity()), never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGTERM);
        BOOST_TEST(how.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(but_not_when_its_stage_is_over)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    run_coroutine([&]() -> asio::awaitable<void> {
        process p = co_await ready_puppet("ignore", "10");
        command held(program.path(), "exit", "0");
        held.credentials(own_identity()).spawn_deadline(100ms); // in the second stage
        stop_plan plan = stop_plan::kill();
        plan.command(held, 0ms, never).signal(SIGUSR1, 300ms);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.stop_stage().value() == 2u);
    });
}

BOOST_AUTO_TEST_CASE(so_it_does_for_what_an_ended_process_has_left_behind)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        stop_plan plan = stop_plan::kill();
        command missing("/nonexistent");
        plan.command(missing.credentials(own_identity()), never)
            .target(execasio::stop_target::group);
        command cmd = test::puppet("fork", "ids", "pause-forever", "join", "await", "exit", "0");
        cmd.input(stream::pipe).output(stream::pipe).group(process_group::create()).at_exit(plan);
        process p = execasio::spawn(ex, cmd);
        pid_t const member = co_await test::read_pid(p.output());
        p.input().close();
        co_await p.wait();
        co_await execasio::stop(p);
        BOOST_TEST(test::has_ended(member));
    });
}

BOOST_AUTO_TEST_CASE(a_hanging_command_is_killed_with_its_group_when_its_time_is_over)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string group;
        // Until it is given the processor for long enough to tell who it is.
        for (auto time = 200ms; group.empty() && time < 10s; time *= 2) {
            pipe_ends pipe;
            process p = co_await ready_puppet();
            command hanging = puppet("ignore", "15", "fork", "ids", "pause-forever", "join", "ids",
                                     "pause-forever");
            hanging.output(stream::descriptor(pipe.writer()));
            stop_plan plan = stop_plan::kill();
            plan.command(hanging, time).signal(SIGUSR2, never);
            exit_record const how = co_await execasio::stop(p, plan);
            BOOST_TEST(how.signal() == SIGUSR2);
            BOOST_TEST(how.stop_stage().value() == 1u);
            pipe.close_writer();
            execasio::output_stream out = reader_of(co_await asio::this_coro::executor, pipe);
            std::istringstream lines(co_await out.read_all()); // it has ended, with its group
            std::string first;
            for (std::string line; std::getline(lines, line); first = line) {
                std::string const rest = line.substr(line.find(' '));
                if (!first.empty()) // both have told
                    group = rest;
                BOOST_TEST((first.empty() || first.ends_with(rest)));
            }
        }
        BOOST_REQUIRE(!group.empty());
        BOOST_TEST(std::stol(group) != ::getpgrp());
    });
}

BOOST_AUTO_TEST_CASE(a_command_that_outlives_the_process_does_not_keep_the_context_running)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        pipe_ends pipe;
        command slow = puppet("kill", "15", "await", "exit", "0");
        slow.input(stream::descriptor(pipe.reader()));
        stop_plan plan = stop_plan::kill();
        plan.command(slow, never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGTERM);
    }); // the command ends now, and run_coroutine waits for the context to run dry
}

BOOST_AUTO_TEST_CASE(a_command_may_have_longer_than_its_stage)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        pipe_ends in;
        pipe_ends out;
        command slow = puppet("await", "say", "done");
        slow.input(stream::descriptor(in.reader())).output(stream::descriptor(out.writer()));
        stop_plan plan = stop_plan::kill();
        plan.command(slow, 0ms, never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.stop_stage().value() == 1u);
        in.close_writer();
        out.close_writer();
        execasio::output_stream told = reader_of(co_await asio::this_coro::executor, out);
        std::string const text = co_await told.read_all();
        BOOST_TEST(text == "done\n");
    });
}

BOOST_AUTO_TEST_CASE(the_longer_time_of_a_command_has_an_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        stop_plan plan = stop_plan::kill();
        plan.command(puppet("pause-forever"), 0ms, 50ms);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGKILL);
        co_await test::until([] { return !test::has_children(); });
    });
}

BOOST_AUTO_TEST_CASE(a_command_ends_when_that_of_a_later_stage_begins)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        pipe_ends out;
        command first = puppet("pause-forever");
        first.output(stream::descriptor(out.writer()));
        command second = puppet("await", "kill", "10");
        pipe_ends in;
        second.input(stream::descriptor(in.reader()));
        stop_plan plan = stop_plan::kill();
        plan.command(first, 10ms, never).command(second, never);
        BOOST_TEST(!execasio::request_stop(p, plan));
        out.close_writer();
        execasio::output_stream held = reader_of(co_await asio::this_coro::executor, out);
        std::string const text = co_await held.read_all(); // until the first has ended
        BOOST_TEST(text.empty());
        in.close_writer();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGUSR1);
        BOOST_TEST(how.stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_command_that_cannot_be_started_gives_way_to_sigterm)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        stop_plan plan = stop_plan::kill();
        plan.command(command("/no/such/program"), never);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGTERM);
        BOOST_TEST(how.stop_stage().value() == 0u);
    });
}

BOOST_AUTO_TEST_SUITE_END()
