#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"
#include "support/zombies.hpp"

#include <execasio/exit_engine.hpp>
#include <execasio/features.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using test::await_zombie;
using test::has_ended;
using test::puppet;
using test::reap_behind_our_back;
using test::run_coroutine;
using test::some_turns;
using test::spawn_gated;
using test::spawn_piped;

namespace {

bool by_sigchld()
{
    return execasio::current_exit_engine() == execasio::exit_engine::sigchld;
}

/// Whether the status of a child that was reaped can still be asked for.
bool kernel_remembers()
{
    for (auto const& feature : execasio::probe_features())
        if (feature.name == "PIDFD_INFO_EXIT")
            return feature.available;
    return false;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process_object, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_tracer_that_holds_the_zombie_delays_the_end_without_spinning)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "6");
        process tracer = spawn_piped(ex, "trace", std::to_string(p.id()));
        auto const word = co_await tracer.output().read_line();
        if (word.value() == "traced") {
            std::vector<int> codes;
            p.async_wait([&](error_code, exit_record const& how) { codes.push_back(how.code()); });
            co_await some_turns();
            p.input().close();
            co_await test::until([&] { return test::is_in_state(p.id(), 'Z'); });
            auto const cpu_time = co_await test::cpu_time_within(300ms);
            BOOST_TEST((cpu_time < 60ms));
            BOOST_TEST(codes.empty());
            BOOST_TEST(p.poll());
            tracer.input().close();
            exit_record const how = co_await p.wait();
            BOOST_TEST(how.code() == 6);
            co_await test::until([&] { return codes.size() == 1; });
        } else {
            BOOST_TEST_MESSAGE("skipped: ptrace is refused here");
            p.input().close();
            co_await p.wait();
            tracer.input().close();
        }
        co_await tracer.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_wait_that_is_given_up_while_a_tracer_holds_the_zombie_can_be_repeated)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "6");
        process tracer = spawn_piped(ex, "trace", std::to_string(p.id()));
        auto const word = co_await tracer.output().read_line();
        p.input().close();
        if (word.value() == "traced") {
            co_await test::until([&] { return test::is_in_state(p.id(), 'Z'); });
            for (int i = 0; i < 3; ++i) {
                asio::cancellation_signal signal;
                bool done = false;
                p.async_wait(asio::bind_cancellation_slot(
                    signal.slot(), [&](error_code ec, exit_record const&) {
                        done = true;
                        BOOST_TEST(ec == asio::error::operation_aborted);
                    }));
                co_await some_turns();
                signal.emit(asio::cancellation_type::terminal);
                co_await test::until([&] { return done; });
            }
        }
        tracer.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 6);
        co_await tracer.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_child_that_other_code_reaps_has_ended_all_the_same)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process bystander = spawn_gated(ex);
        for (bool const waiting : {false, true}) {
            process p = spawn_gated(ex, "exit", "8");
            error_code result;
            exit_record record;
            int done = 0;
            auto const note = [&](error_code ec, exit_record const& how) {
                result = ec;
                record = how;
                ++done;
            };
            if (waiting) {
                p.async_wait(note);
                co_await some_turns();
            }
            p.input().close();
            reap_behind_our_back(p.id());
            if (!waiting)
                p.async_wait(note);
            co_await test::until([&] { return done == 1; });
            if (by_sigchld() || !kernel_remembers()) {
                BOOST_TEST(result == errc::status_lost);
                BOOST_TEST(!p.record());
                BOOST_TEST(!record.known());
            } else {
                BOOST_TEST(!result);
                BOOST_TEST(record.code() == 8);
                BOOST_TEST(!record.usage_known());
            }
            BOOST_TEST(!p.running());
            error_code ec;
            p.signal(SIGKILL, ec);
            BOOST_TEST(ec == errc::already_ended);
        }
        BOOST_TEST(!has_ended(bystander.id()));
        bystander.input().close();
        co_await bystander.wait();
    });
}

/// By another thread, which may be at it in the moment in which its end is looked at.
BOOST_AUTO_TEST_CASE(what_the_kernel_remembers_of_a_reaped_child_is_known)
{
    if (by_sigchld() || !kernel_remembers()) {
        BOOST_TEST_MESSAGE("skipped: no pidfds, or the kernel does not remember (Linux 6.15)");
        return;
    }
    std::jthread const other([](std::stop_token const& done) {
        while (!done.stop_requested())
            if (::waitpid(-1, nullptr, 0) < 0)
                std::this_thread::yield();
    });
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        constexpr auto reaper_patience = 50ms;
        for (int round = 0; round < 300; ++round) {
            process p = execasio::spawn(ex, puppet("exit", "3"));
            auto const begun = std::chrono::steady_clock::now();
            error_code ec;
            exit_record how;
            co_await test::until([&] { return !p.poll(); });
            p.async_wait([&](error_code e, exit_record const& record) {
                ec = e;
                how = record;
            });
            co_await some_turns();
            auto const time = std::chrono::steady_clock::now() - begun;
            BOOST_TEST((ec ? time >= reaper_patience : how.code() == 3));
        }
    });
}

BOOST_AUTO_TEST_CASE(an_ignored_sigchld_loses_the_record_at_most)
{
    auto const before = ::signal(SIGCHLD, SIG_IGN);
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "3");
        p.input().close();
        BOOST_TEST(has_ended(p.id(), 10s));
        error_code result;
        bool done = false;
        exit_record record;
        p.async_wait([&](error_code ec, exit_record const& how) {
            result = ec;
            record = how;
            done = true;
        });
        co_await test::until([&] { return done; });
        if (result)
            BOOST_TEST(result == errc::status_lost);
        else
            BOOST_TEST((record.code() == 3 && !record.usage_known()));

        error_code ec;
        process const none = execasio::spawn(ex, command("/no/such/program"), ec);
        BOOST_TEST(ec.value() == ENOENT); // a failed launch waits for its child, too
    });
    ::signal(SIGCHLD, before);
}

BOOST_AUTO_TEST_CASE(children_of_other_code_stay_theirs)
{
    pid_t const zombie = ::fork();
    if (zombie == 0)
        std::_Exit(5);
    pid_t const runner = ::fork();
    if (runner == 0)
        for (;;)
            ::pause();
    await_zombie(zombie);
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "1");
        bool done = false;
        p.async_wait([&](error_code, exit_record const& how) {
            BOOST_TEST(how.code() == 1);
            done = true;
        });
        std::vector<process> others;
        for (int i = 0; i < 20; ++i)
            others.push_back(execasio::spawn(ex, puppet("exit", "2")));
        for (process& other : others) {
            exit_record const how = co_await other.wait();
            BOOST_TEST(how.code() == 2);
        }
        auto const cpu_time = co_await test::cpu_time_within(200ms); // with the zombie in the way
        BOOST_TEST((cpu_time < 60ms));
        BOOST_TEST(!done);
        p.input().close();
        co_await test::until([&] { return done; });
    });
    int status = 0;
    BOOST_TEST(::waitpid(zombie, &status, WNOHANG) == zombie);
    BOOST_TEST(WEXITSTATUS(status) == 5);
    BOOST_TEST(!has_ended(runner));
    ::kill(runner, SIGKILL);
    BOOST_TEST(::waitpid(runner, &status, 0) == runner);
}

BOOST_AUTO_TEST_SUITE_END()
