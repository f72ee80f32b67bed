#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"
#include "support/zombies.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::lifetime;
using execasio::process;
using execasio::stream;
using test::await_zombie;
using test::error_of;
using test::group_of_two;
using test::has_ended;
using test::pipe_ends;
using test::puppet;
using test::read_pid;
using test::run_coroutine;
using test::spawn_gated;
using test::spawn_with_output;

namespace {

/// What nobody waits for is reaped at the latest with the next process.
asio::awaitable<void> launch_another()
{
    process p = execasio::spawn(co_await asio::this_coro::executor, puppet());
    co_await p.wait();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process_object, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_dropped_child_is_killed_with_its_group_and_reaped)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pid_t descendant = 0;
        pid_t child = 0;
        {
            process p = execasio::spawn(ex, group_of_two());
            child = p.id();
            descendant = co_await read_pid(p.output());
        }
        BOOST_TEST(has_ended(descendant, 10s));
        BOOST_TEST(has_ended(child, 10s));
    }); // and the fixture finds no zombie
}

BOOST_AUTO_TEST_CASE(a_wait_outlives_the_process_object)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        exit_record record;
        {
            process p = execasio::spawn(ex, puppet("pause-forever"));
            p.async_wait([&](error_code, exit_record const& how) { record = how; });
        }
        co_await test::until([&] { return record.known(); });
        BOOST_TEST(record.signal() == SIGKILL);
        BOOST_TEST(record.cause() == execasio::end_cause::dropped);
    });
}

/// Its end is what it was given, not the SIGPIPE that the end of its reader would be.
BOOST_AUTO_TEST_CASE(a_dropped_child_that_writes_is_killed)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int i = 0; i < 60; ++i) {
            exit_record record;
            process p = spawn_with_output(ex, puppet("write-forever"));
            p.async_wait([&](error_code, exit_record const& how) { record = how; });
            co_await test::until([&] { return p.output().available() == p.output().capacity(); });
            p = process();
            co_await test::until([&] { return record.known(); });
            BOOST_TEST(record.signal() == SIGKILL);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_detached_child_goes_on_and_is_reaped_in_the_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends gate;
        command cmd = puppet("await");
        cmd.input(stream::descriptor(gate.reader()));
        process p = execasio::spawn(ex, cmd);
        pid_t const first = p.id();
        p.detach();
        BOOST_TEST(!p.valid());
        cmd.on_destroy(lifetime::detach);
        pid_t second = 0;
        {
            process const q = execasio::spawn(ex, cmd);
            second = q.id();
        }
        BOOST_TEST(!has_ended(first));
        BOOST_TEST(!has_ended(second));
        gate.close_reader();
        gate.close_writer();
        await_zombie(first);
        await_zombie(second);
        co_await launch_another();
    });
}

BOOST_AUTO_TEST_CASE(a_surviving_child_outlives_the_program)
{
    pipe_ends pipe;
    std::string const failure = test::failure_in_fork([&pipe] {
        asio::io_context context;
        command cmd = puppet("ids", "pause-forever");
        cmd.output(stream::descriptor(pipe.writer())).on_destroy(lifetime::survive);
        process const p = execasio::spawn(context.get_executor(), cmd);
    });
    BOOST_TEST(failure == "");
    pipe.close_writer();
    char text[64] = {};
    BOOST_REQUIRE(::read(pipe.reader(), text, sizeof text - 1) > 0);
    auto const pid = static_cast<pid_t>(std::strtol(text, nullptr, 10));
    BOOST_TEST(!has_ended(pid, 20ms));
    BOOST_REQUIRE(pid > 1);
    ::kill(pid, SIGKILL);
    BOOST_TEST(has_ended(pid, 10s));
}

BOOST_AUTO_TEST_CASE(assignment_drops_the_old_process)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, puppet("pause-forever"));
        process q = spawn_gated(ex, "exit", "1");
        pid_t const first = p.id();
        pid_t const second = q.id();
        p = std::move(q);
        BOOST_TEST(has_ended(first, 10s));
        BOOST_TEST(p.id() == second);
        BOOST_TEST(q.id() == 0); // NOLINT: the state after a move is specified
        process& self = p;
        p = std::move(self);
        BOOST_TEST(p.id() == second);
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 1);
    });
}

BOOST_AUTO_TEST_CASE(an_empty_object_says_so)
{
    process p;
    BOOST_TEST(!p.valid());
    BOOST_TEST(p.id() == 0);
    BOOST_TEST(p.group() == 0);
    BOOST_TEST(!p.running());
    BOOST_TEST(!p.poll());
    BOOST_TEST(!p.record());
    error_code ec;
    p.signal(SIGTERM, ec);
    BOOST_TEST(ec == errc::no_process);
    p.signal_group(SIGTERM, ec);
    BOOST_TEST(ec == errc::no_process);
    auto const holds_none = [](boost::system::system_error const& e) {
        return e.code() == errc::no_process;
    };
    BOOST_CHECK_EXCEPTION(p.output().close(), boost::system::system_error, holds_none);
    BOOST_CHECK_EXCEPTION(static_cast<void>(p.get_executor()), boost::system::system_error,
                          holds_none);
    BOOST_CHECK_EXCEPTION(p.async_wait([](error_code, exit_record const&) {}),
                          boost::system::system_error, holds_none);
    p.on_destroy(lifetime::survive);
    p.detach();
    run_coroutine([&]() -> asio::awaitable<void> {
        error_code const thrown = co_await error_of(p.wait());
        BOOST_TEST(thrown == errc::no_process);
    });
}

BOOST_AUTO_TEST_CASE(a_context_may_go_with_everything_pending)
{
    std::vector<pid_t> pids;
    {
        asio::io_context context;
        auto const ex = context.get_executor();
        int handlers = 0;
        auto const body = [&]() -> asio::awaitable<void> { // holds its process to the end
            command cmd = puppet("pause-forever");
            cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
            process p = execasio::spawn(ex, cmd);
            pids.push_back(p.id());
            p.async_wait([&](error_code, exit_record const&) { ++handlers; });
            asio::awaitable<std::string> reading = p.output().read_all();
            asio::co_spawn(ex, std::move(reading), [&](auto...) { ++handlers; });
            co_await p.wait();
        };
        auto const unwatched = [&]() -> asio::awaitable<void> {
            process p = execasio::spawn(ex, puppet("pause-forever"));
            pids.push_back(p.id());
            co_await test::for_ever();
        };
        asio::co_spawn(ex, body, [&](std::exception_ptr) { ++handlers; });
        asio::co_spawn(ex, unwatched, [&](std::exception_ptr) { ++handlers; });
        context.poll();
        BOOST_TEST(pids.size() == 2u);
        BOOST_TEST(handlers == 0);
    }
    for (pid_t const pid : pids)
        BOOST_TEST(has_ended(pid, 10s));
    run_coroutine(launch_another); // has reaped them: the fixture finds no zombie
}

BOOST_AUTO_TEST_CASE(the_only_process_of_a_context_may_never_have_been_waited_for)
{
    pid_t pid = 0;
    {
        asio::io_context context;
        auto const ex = context.get_executor();
        auto const body = [&]() -> asio::awaitable<void> {
            process p = execasio::spawn(ex, puppet("pause-forever"));
            pid = p.id();
            co_await test::for_ever();
        };
        asio::co_spawn(ex, body, [](std::exception_ptr) {});
        context.poll();
    }
    BOOST_TEST(has_ended(pid, 10s));
    run_coroutine(launch_another);
}

BOOST_AUTO_TEST_SUITE_END()
