#include "support/conditions.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/run_in_fork.hpp"
#include "support/spawn_puppet.hpp"
#include "support/stranger.hpp"
#include "support/zombies.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <string>
#include <thread>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::process_group;
using execasio::stream;
using test::await_zombie;
using test::ensure;
using test::group_of_two;
using test::has_ended;
using test::puppet;
using test::read_pid;
using test::reap_behind_our_back;
using test::run_coroutine;
using test::spawn_gated;

BOOST_FIXTURE_TEST_SUITE(process_object, test::no_leaks)

BOOST_AUTO_TEST_CASE(an_ended_process_is_not_signalled)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const leader : {false, true}) {
            command cmd = puppet("await");
            cmd.input(stream::pipe);
            if (leader)
                cmd.group(process_group::create());
            process p = execasio::spawn(ex, cmd);
            error_code ec;
            p.signal(0, ec);
            BOOST_TEST(!ec);
            p.signal(99, ec);
            BOOST_TEST(ec.value() == EINVAL);
            p.input().close();
            await_zombie(p.id());
            p.signal(SIGKILL, ec); // no effect, no error: as kill(2)
            BOOST_TEST(!ec);
            exit_record const how = co_await p.wait();
            BOOST_TEST(how.code() == 0);
            p.signal(SIGKILL, ec);
            BOOST_TEST(ec == errc::already_ended);
            BOOST_CHECK_THROW(p.signal(0), boost::system::system_error);
            p.signal_group(SIGKILL, ec);
            BOOST_TEST(ec == (leader ? errc::already_ended : errc::no_process));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_number_that_is_used_again_is_not_signalled)
{
    for (int const kind : {0, 1, 2}) {
        std::string const failure = test::failure_in_fork([kind] {
            bool const leader = kind > 0;
            asio::io_context context(1);
            command cmd = puppet("exit", "0");
            if (leader)
                cmd.group(process_group::create());
            if (kind == 2) // then only the look at the child protects the number
                test::refuse_system_calls({SYS_pidfd_send_signal}, ENOSYS);
            process p = execasio::spawn(context.get_executor(), cmd);
            reap_behind_our_back(p.id()); // which p cannot know
            test::stranger const other(p.id(), true);
            ensure(other.pid() == p.id(), "skipped");
            while (::getpgid(other.pid()) != other.pid())
                std::this_thread::yield();
            error_code ec;
            p.signal(SIGKILL, ec);
            ensure(ec == errc::already_ended, ec.message());
            if (leader)
                p.signal_group(SIGKILL, ec);
            ensure(!has_ended(other.pid(), 100ms), "a stranger was signalled");
        });
        if (failure == "skipped")
            BOOST_TEST_MESSAGE("skipped: process ids cannot be chosen without CAP_SYS_ADMIN");
        else
            BOOST_TEST(failure == "");
    }
}

BOOST_AUTO_TEST_CASE(a_signal_reaches_the_whole_group)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, group_of_two());
        pid_t const descendant = co_await read_pid(p.output());
        BOOST_TEST(descendant != p.id());
        p.signal_group(SIGUSR1);
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGUSR1);
        BOOST_TEST(has_ended(descendant, 10s));

        process alone = spawn_gated(ex);
        error_code ec;
        alone.signal_group(SIGKILL, ec); // that would be this very program
        BOOST_TEST(ec == errc::no_process);
        alone.input().close();
        co_await alone.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_group_whose_leader_was_reaped_is_reached_or_left_alone)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("fork", "ids", "pause-forever", "join", "await");
        cmd.input(stream::pipe).output(stream::pipe).group(process_group::create());
        process p = execasio::spawn(ex, cmd);
        pid_t const descendant = co_await read_pid(p.output());
        p.input().close();
        co_await p.wait();
        BOOST_TEST(!has_ended(descendant));
        error_code ec;
        p.signal_group(SIGKILL, ec);
        if (ec) {
            BOOST_TEST(ec == errc::already_ended);
            ::kill(descendant, SIGKILL);
        }
        BOOST_TEST(has_ended(descendant, 10s));
    });
}

BOOST_AUTO_TEST_CASE(what_the_child_left_behind_gets_the_signal_at_its_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd =
            puppet("fork", "ignore", "1", "ids", "pause-forever", "join", "await", "exit", "2");
        cmd.input(stream::pipe).output(stream::pipe).group(process_group::create());
        cmd.group_signal_at_exit(SIGTERM);
        process p = execasio::spawn(ex, cmd);
        pid_t const descendant = co_await read_pid(p.output());
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 2);
        BOOST_TEST(has_ended(descendant, 10s));
    });
}

BOOST_AUTO_TEST_CASE(a_group_that_the_child_has_left_is_not_signalled_by_its_number)
{
    std::string const failure = test::failure_in_fork([] {
        test::run_in_fork([]() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            command first = puppet("await");
            first.input(stream::pipe).group(process_group::create());
            process leader = execasio::spawn(ex, first);
            command second = puppet("new-session", "say", "ready", "pause-forever");
            second.output(stream::pipe).group(process_group::join(leader.id()));
            process p = execasio::spawn(ex, second);
            co_await test::await_ready(p.output());
            leader.input().close();
            co_await leader.wait();
            test::stranger const other(leader.id());
            ensure(other.pid() == leader.id(), "skipped");
            co_await test::until([&] { return ::getpgid(other.pid()) == other.pid(); });
            error_code ec;
            p.signal_group(SIGKILL, ec);
            ensure(ec.failed(), "signalled");
            ensure(!has_ended(other.pid(), 100ms), "a stranger was signalled");
        });
    });
    if (failure == "skipped")
        BOOST_TEST_MESSAGE("skipped: process ids cannot be chosen without CAP_SYS_ADMIN");
    else
        BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_SUITE_END()
