#include "support/add_ready.hpp"
#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"
#include "support/zombies.hpp"

#include <execasio/spawn.hpp>
#include <execasio/supervisor.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stop_plan;
using execasio::stream;
using execasio::supervisor;
using test::add_ready;
using test::has_ended;
using test::never;
using test::puppet;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(supervising, test::no_leaks)

BOOST_AUTO_TEST_CASE(every_exit_is_told_once_with_its_record)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::map<pid_t, int> codes;
        supervisor all(ex, [&](process& p, error_code ec, exit_record const& how) {
            BOOST_TEST(!ec);
            BOOST_TEST(all.find(p.id()) == nullptr); // it has left the set
            BOOST_TEST(p.record().value().code() == how.code());
            BOOST_TEST(codes.emplace(p.id(), how.code()).second);
        });
        std::vector<pid_t> pids;
        for (int i = 0; i < 10; ++i) {
            command cmd = puppet("await", "exit", std::to_string(i));
            cmd.input(stream::pipe);
            pids.push_back(all.spawn(cmd).id());
        }
        BOOST_TEST(all.size() == 10u);
        std::sort(pids.begin(), pids.end());
        BOOST_TEST(all.ids() == pids);
        BOOST_TEST(all.find(0) == nullptr);
        for (pid_t const pid : pids)
            all.find(pid)->input().close();
        co_await test::until([&] { return all.size() == 0; });
        BOOST_TEST(codes.size() == 10u);
        int sum = 0;
        for (auto const& [pid, code] : codes)
            sum += code;
        BOOST_TEST(sum == 45);
        BOOST_TEST(all.stop(pids[0]) == errc::no_process);
    });
}

BOOST_AUTO_TEST_CASE(one_that_was_spawned_elsewhere_can_be_added)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int ended = 0;
        supervisor all(ex, [&](process&, error_code, exit_record const& how) {
            BOOST_TEST(how.signal() == SIGINT);
            ++ended;
        });
        process mine = execasio::spawn(ex, puppet("pause-forever"));
        pid_t const pid = mine.id();
        stop_plan plan = stop_plan::kill();
        plan.signal(SIGINT, never);
        process& p = all.add(std::move(mine), plan);
        BOOST_TEST(p.id() == pid);
        BOOST_TEST(all.find(pid) == &p);
        BOOST_TEST(!all.stop(pid));
        co_await test::until([&] { return ended == 1; });
        BOOST_CHECK_THROW(all.add(process()), boost::system::system_error);
        BOOST_TEST(all.size() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(the_output_of_one_that_has_ended_can_still_be_read)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        execasio::output_stream copied;
        process moved;
        supervisor all(ex, [&](process& p, error_code, exit_record const& how) {
            if (how.code() == 1)
                copied = p.output();
            else
                moved = std::move(p);
        });
        for (std::string const code : {"1", "2"}) {
            command cmd = puppet("say", "last words", "exit", code);
            cmd.output(stream::pipe);
            all.spawn(cmd);
        }
        co_await test::until([&] { return all.size() == 0; });
        std::string text = co_await copied.read_all();
        BOOST_TEST(text == "last words\n");
        text = co_await moved.output().read_all();
        BOOST_TEST(text == "last words\n");
    });
}

BOOST_AUTO_TEST_CASE(a_lost_status_is_told_as_such)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int ended = 0;
        supervisor all(ex, [&](process&, error_code ec, exit_record const& how) {
            ++ended;
            BOOST_TEST((ec == errc::status_lost || (!how.usage_known() && how.signal() == 9)));
        });
        pid_t const pid = co_await add_ready(all, stop_plan());
        ::kill(pid, SIGKILL);
        test::reap_behind_our_back(pid);
        co_await test::until([&] { return ended == 1; });
        BOOST_TEST(all.size() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(destruction_kills_what_runs_and_calls_nobody)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::vector<pid_t> pids;
        int calls = 0;
        {
            supervisor all(ex, [&](process&, error_code, exit_record const&) { ++calls; });
            for (int i = 0; i < 5; ++i)
                pids.push_back(co_await add_ready(all, stop_plan(), "ignore", "15"));
        }
        for (pid_t const pid : pids)
            BOOST_TEST(has_ended(pid, 10s));
        co_await test::until([] { return !test::has_children(); });
        BOOST_TEST(calls == 0);
    });
}

BOOST_AUTO_TEST_CASE(the_handler_may_destroy_the_supervisor)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::unique_ptr<supervisor> all;
        int calls = 0;
        auto const text = std::make_shared<std::string>("a capture that needs its memory");
        all = std::make_unique<supervisor>(
            ex, [&all, &calls, copy = *text](process&, error_code, exit_record const&) {
                all.reset();
                ++calls;
                BOOST_TEST(copy == "a capture that needs its memory");
            });
        for (int i = 0; i < 3; ++i)
            all->spawn(puppet("exit", "0"));
        co_await test::until([&] { return calls != 0; });
        co_await test::until([] { return !test::has_children(); });
        BOOST_TEST(calls == 1);
    });
}

BOOST_AUTO_TEST_CASE(an_exit_handler_may_spawn_the_next)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int calls = 0;
        supervisor all(ex, [&](process&, error_code, exit_record const&) {
            if (++calls < 20)
                all.spawn(puppet("exit", "0"));
        });
        all.spawn(puppet("exit", "0"));
        co_await test::until([&] { return calls == 20 && all.size() == 0; });
    });
}

BOOST_AUTO_TEST_SUITE_END()
