#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/run.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/supervisor.hpp>
#include <execasio/time_guards.hpp>

#include <boost/asio/this_coro.hpp>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::errc;
using execasio::exit_record;
using execasio::lifetime;
using execasio::process;
using execasio::readiness;
using execasio::stop_plan;
using execasio::stream;
using execasio::time_guards;
using test::never;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::scaled;
using test::spawn_with_output;

namespace {

execasio::error_code refusal_of(process& p, time_guards const& guards)
{
    try {
        execasio::guard(p, guards);
    } catch (boost::system::system_error const& e) {
        return e.code();
    }
    return {};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(guards, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_run_time_counts_from_the_launch)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        auto took = std::chrono::steady_clock::duration::max();
        // Once is enough, since others use this machine, too.
        for (int tries = 0; tries < 10 && took >= 200ms; ++tries) {
            process p = spawn_with_output(ex, puppet("say", "x", "pause-forever"));
            co_await p.output().read_line();
            asio::steady_timer past(ex, 300ms);
            co_await past.async_wait(asio::use_awaitable);
            auto const before = std::chrono::steady_clock::now();
            execasio::guard(p, time_guards().run_time(250ms)); // it is over
            exit_record const how = co_await p.wait();
            took = std::chrono::steady_clock::now() - before;
            BOOST_TEST(how.cause() == end_cause::time_limit);
            BOOST_TEST(how.signal() == SIGTERM);
            BOOST_TEST(how.stop_stage().value() == 0u);
        }
        BOOST_TEST((took < 200ms));
    });
}

BOOST_AUTO_TEST_CASE(the_plan_is_carried_out_to_its_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("ignore", "15", "say", "x", "pause-forever"));
        co_await p.output().read_line();
        execasio::guard(p, time_guards().run_time(1ms), stop_plan().grace(10ms));
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(how.cause() == end_cause::time_limit);
        BOOST_TEST(how.stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(silence_is_noticed)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        exit_record how;
        // Once is enough, since others use this machine, too.
        for (int tries = 0; tries < 5 && (tries == 0 || how.wall_time() >= scaled(2s)); ++tries) {
            process p = spawn_with_output(ex, puppet("pause-forever"));
            execasio::guard(p, time_guards().idle_time(50ms));
            how = co_await p.wait();
            BOOST_TEST(how.cause() == end_cause::idle);
            BOOST_TEST((how.wall_time() >= 50ms));
        }
        BOOST_TEST((how.wall_time() < scaled(2s)));
    });
}

BOOST_AUTO_TEST_CASE(a_time_in_which_this_program_stands_still_is_no_silence)
{
    asio::io_context context(1);
    process p = spawn_with_output(context.get_executor(), puppet("pause-forever"));
    execasio::guard(p, time_guards().idle_time(200ms));
    context.poll();
    std::this_thread::sleep_for(400ms); // which is what it does, as if it had been stopped
    context.run_for(20ms);
    BOOST_TEST(!p.stopping());
    exit_record how;
    p.async_wait([&](execasio::error_code, exit_record const& record) { how = record; });
    context.run_for(scaled(20s));
    BOOST_TEST(how.cause() == end_cause::idle);
}

BOOST_AUTO_TEST_CASE(output_that_nobody_reads_is_a_sign_of_life)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const error : {false, true}) {
            command cmd = puppet("tick", "10");
            if (error)
                cmd.error(stream::pipe).merge_output();
            else
                cmd.output(stream::pipe);
            exit_record how;
            // Until it is given the processor often enough.
            for (auto idle = 150ms; how.cause() != end_cause::time_limit && idle < 5s; idle *= 2) {
                process p = execasio::spawn(ex, cmd);
                execasio::guard(p, time_guards().idle_time(idle).run_time(4 * idle));
                how = co_await p.wait();
                BOOST_TEST((error ? p.error() : p.output()).total() == 0u); // nor did the guard
            }
            BOOST_TEST(how.cause() == end_cause::time_limit);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_child_that_waits_for_the_reader_is_not_idle)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("write-forever"));
        co_await test::until([&] { return p.output().available() == p.output().capacity(); });
        execasio::guard(p, time_guards().idle_time(20ms).run_time(300ms));
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.cause() == end_cause::time_limit);
    });
}

BOOST_AUTO_TEST_CASE(a_reader_that_catches_up_is_no_sign_of_life)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("write", "30000", "pause-forever"));
        co_await test::until([&] { return p.output().available() == 30000; });
        execasio::guard(p, time_guards().idle_time(100ms));
        std::vector<char> byte(1);
        std::size_t read = 0;
        // Something is read all the time, as slowly as can be.
        asio::steady_timer pause(ex);
        while (p.running() && read < 30000) {
            pause.expires_after(1ms);
            co_await pause.async_wait(asio::use_awaitable);
            read += co_await p.output().read_some(asio::buffer(byte));
        }
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.cause() == end_cause::idle);
        BOOST_TEST(read < 30000u);
    });
}

BOOST_AUTO_TEST_CASE(a_terminal_can_be_watched_for_silence_too)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("say", "x", "pause-forever");
        cmd.terminal(execasio::terminal_options());
        process p = execasio::spawn(ex, cmd);
        co_await p.output().wait_readable();
        execasio::guard(p, time_guards().idle_time(30ms));
        // What is unread may be what it waits for.
        asio::steady_timer longer(ex, 150ms);
        co_await longer.async_wait(asio::use_awaitable);
        BOOST_TEST(p.poll());
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "x\r");
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.cause() == end_cause::idle);
    });
}

BOOST_AUTO_TEST_CASE(silence_of_what_is_not_piped_cannot_be_guarded)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, puppet("pause-forever"));
        BOOST_TEST(refusal_of(p, time_guards().idle_time(never)) == errc::not_piped);
        auto const line = time_guards().ready_within(never, readiness::line("x"));
        BOOST_TEST(refusal_of(p, line) == errc::not_piped);
        process none;
        BOOST_TEST(refusal_of(none, time_guards()) == errc::no_process);
        co_await execasio::stop(p, stop_plan::kill());
    });
}

BOOST_AUTO_TEST_CASE(streams_that_were_closed_here_end_the_watch_for_silence)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("pause-forever"));
        p.output().close();
        execasio::guard(p, time_guards().run_time(200ms));
        exit_record how = co_await p.wait();
        BOOST_TEST(how.cause() == end_cause::time_limit);

        p = spawn_with_output(ex, puppet("pause-forever"));
        execasio::guard(p, time_guards().idle_time(40ms).run_time(300ms));
        p.output().close();
        how = co_await p.wait();
        BOOST_TEST(how.cause() == end_cause::time_limit);
    });
}

BOOST_AUTO_TEST_CASE(cpu_time_is_measured_and_not_the_time_of_day)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process asleep = spawn_with_output(ex, puppet("pause-forever"));
        execasio::guard(asleep, time_guards().cpu_time(100ms).run_time(400ms));
        auto const most = 100ms + scaled(300ms);
        std::chrono::nanoseconds used = most;
        // Until this program, which has to look, is given a processor, too, as often as it wants.
        for (int tries = 0; tries < 10 && used >= most; ++tries) {
            process busy = spawn_with_output(ex, puppet("spin", "100000"));
            execasio::guard(busy, time_guards().cpu_time(100ms));
            exit_record const how = co_await busy.wait();
            BOOST_TEST(how.cause() == end_cause::cpu_time);
            used = how.user_time() + how.system_time();
            BOOST_TEST((used >= 90ms)); // accounted in ticks
        }
        BOOST_TEST((used < most));
        exit_record const how = co_await asleep.wait();
        BOOST_TEST(how.cause() == end_cause::time_limit);
    });
}

BOOST_AUTO_TEST_CASE(a_guard_that_has_nothing_to_see_hardly_looks)
{
    for (auto const& guards : {time_guards().cpu_time(20ms), time_guards().idle_time(never),
                               time_guards().cpu_time(never), time_guards().run_time(never)}) {
        asio::io_context context(1);
        {
            process p =
                spawn_with_output(context.get_executor(), puppet("say", "x", "pause-forever"));
            char said[2]; // before that it may have something to do, which is to be seen
            execasio::error_code ec;
            while (p.output().try_read(asio::buffer(said), ec) == 0 && !test::has_ended(p.id()))
                std::this_thread::yield();
            while (!test::is_in_state(p.id(), 'S') && !test::has_ended(p.id()))
                std::this_thread::yield();
            execasio::guard(p, guards);
            std::size_t const turns = context.run_for(400ms);
            BOOST_TEST(turns <= 12u); // 10, 20, 40, 80, 100, ... ms
        }
        context.run_for(scaled(10s));
        BOOST_TEST(context.stopped());
    }
}

BOOST_AUTO_TEST_CASE(a_line_that_a_reader_sees_is_readiness_and_stays_the_readers)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd =
            puppet("print", "starting\nlisten", "print", "ing on 80\n", "await", "exit", "0");
        cmd.input(stream::pipe);
        exit_record how;
        // Until it was given the processor for long enough to get ready.
        for (auto limit = 300ms; how.cause() != end_cause::itself || !how.known(); limit *= 2) {
            BOOST_REQUIRE(limit < 10s);
            process p = spawn_with_output(ex, cmd);
            execasio::guard(p, time_guards().ready_within(limit, readiness::line("listening")));
            auto const first = co_await p.output().read_line();
            auto const second = co_await p.output().read_line();
            if (second) {
                BOOST_TEST(first.value() == "starting");
                BOOST_TEST(second.value() == "listening on 80");
                asio::steady_timer longer(ex, limit + 100ms);
                co_await longer.async_wait(asio::use_awaitable);
            }
            p.input().close();
            how = co_await p.wait();
        }
    });
}

BOOST_AUTO_TEST_CASE(one_that_does_not_get_ready_is_stopped)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        auto const is_ready = [](std::string_view line) { return line == "ready"; };
        std::optional<std::string> said;
        // Until it was given the processor for long enough to say something.
        for (auto time = 60ms; !said && time < 10s; time *= 2) {
            process p = spawn_with_output(ex, puppet("say", "almost", "pause-forever"));
            execasio::guard(p, time_guards().ready_within(time, readiness::line(is_ready)));
            said = co_await p.output().read_line();
            exit_record const how = co_await p.wait();
            BOOST_TEST(how.cause() == end_cause::not_ready);
            BOOST_TEST((how.wall_time() >= time));
        }
        BOOST_TEST(said.value() == "almost");
    });
}

BOOST_AUTO_TEST_CASE(new_guards_take_the_place_of_the_old)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("say", "x", "pause-forever"));
        execasio::guard(p, time_guards().run_time(50ms).idle_time(30ms).cpu_time(never));
        execasio::guard(p, time_guards()); // none
        asio::steady_timer longer(ex, 150ms);
        co_await longer.async_wait(asio::use_awaitable);
        BOOST_TEST(p.poll());
        execasio::guard(p, time_guards().run_time(never));
        execasio::guard(p, time_guards().run_time(1ms));
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.cause() == end_cause::time_limit);
        execasio::guard(p, time_guards().run_time(1ms)); // of one that has ended: nothing
    });
}

BOOST_AUTO_TEST_CASE(a_plan_that_was_begun_before_is_what_the_record_tells)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("ignore", "15", "say", "x", "pause-forever"));
        co_await p.output().read_line();
        execasio::request_stop(p, stop_plan().grace(100ms));
        execasio::guard(p, time_guards().run_time(1ms), stop_plan::kill());
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.cause() == end_cause::stopped);
        BOOST_TEST((how.wall_time() >= 100ms));
    });
}

BOOST_AUTO_TEST_CASE(guards_outlive_the_object_of_a_process_that_lives_on)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        command cmd = puppet("say", "x", "pause-forever");
        cmd.output(stream::descriptor(pipe.writer()));
        execasio::output_stream out(ex, pipe.release_reader());
        {
            process p = execasio::spawn(ex, cmd);
            co_await out.wait_readable();
            execasio::guard(p, time_guards().run_time(60ms));
            p.on_destroy(lifetime::detach);
        }
        pipe.close_writer();
        auto const all = co_await out.read_all(); // its end is that of the process
        BOOST_TEST(all == "x\n");
    });
}

BOOST_AUTO_TEST_CASE(guards_end_with_the_process_that_is_dropped)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        auto guards = time_guards().run_time(never).idle_time(never).cpu_time(never);
        guards.ready_within(never, readiness::port(1));
        process p = spawn_with_output(ex, puppet("pause-forever"));
        execasio::guard(p, guards);
        process q = spawn_with_output(ex, puppet("exit", "0"));
        execasio::guard(q, guards);
        co_await q.wait();
    }); // and nothing keeps the event loop running
}

BOOST_AUTO_TEST_CASE(the_context_may_go_while_they_watch)
{
    {
        asio::io_context context(1);
        process p = spawn_with_output(context.get_executor(), puppet("pause-forever"));
        auto guards = time_guards().run_time(never).idle_time(50ms).cpu_time(never);
        guards.ready_within(never, readiness::port(1));
        execasio::guard(p, guards);
        context.run_for(20ms);
        execasio::request_stop(p, stop_plan::kill());
        BOOST_TEST(test::has_ended(p.id(), 10s));
        p.poll();
    }
    asio::io_context context(1);
    {
        process p = spawn_with_output(context.get_executor(), puppet("exit", "0"));
        execasio::guard(p, time_guards().run_time(never));
    }
    context.run_for(scaled(10s));
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE(run_and_supervisor_have_them)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        execasio::run_result result;
        // Until it is given the processor soon enough.
        for (auto idle = 50ms; result.output.text.empty() && idle < 5s; idle *= 2) {
            execasio::run_options options;
            options.guards(time_guards().idle_time(idle));
            result = co_await execasio::run(puppet("say", "x", "pause-forever"), options);
            BOOST_TEST(result.how.cause() == end_cause::idle);
        }
        BOOST_TEST(result.output.text == "x\n");

        end_cause cause = end_cause::itself;
        execasio::supervisor all(ex, [&](process&, execasio::error_code, exit_record const& how) {
            cause = how.cause();
        });
        all.spawn(puppet("spin", "100000"), stop_plan(), time_guards().cpu_time(30ms));
        co_await test::until([&] { return all.size() == 0; });
        BOOST_TEST(cause == end_cause::cpu_time);
    });
}

BOOST_AUTO_TEST_SUITE_END()
