#include "support/conditions.hpp"
#include "support/descriptor_limit.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/sanitized.hpp"

#include <execasio/exit_engine.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stream;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::scaled;

BOOST_FIXTURE_TEST_SUITE(launcher, test::no_leaks)

BOOST_AUTO_TEST_CASE(many_threads_launch_at_once)
{
    constexpr int threads = 4;
    constexpr int each = EXECASIO_TEST_SANITIZED ? 100 : 250;
    std::atomic<int> right = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
        all.emplace_back([&right, t] {
            asio::io_context context(1);
            auto const body = [&right, t]() -> asio::awaitable<void> {
                auto const ex = co_await asio::this_coro::executor;
                for (int i = 0; i < each; ++i) {
                    std::string const word = std::to_string(t * 1000 + i);
                    command cmd = puppet("say", word, "err", word, "count", "exit", "7");
                    cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
                    process p = execasio::spawn(ex, cmd);
                    co_await p.input().finish();
                    std::string const out = co_await p.output().read_all();
                    std::string const err = co_await p.error().read_all();
                    exit_record const how = co_await p.wait();
                    // An end of a pipe in a child of another thread would delay its end for ever.
                    if (out == word + "\n0\n" && err == word + "\n" && how.code() == 7)
                        ++right;
                }
            };
            asio::co_spawn(context, body, [](std::exception_ptr) {});
            context.run_for(scaled(60s));
        });
    for (std::thread& t : all)
        t.join();
    BOOST_TEST(right == threads * each);
}

BOOST_AUTO_TEST_CASE(a_thousand_children_do_not_slow_the_launch)
{
    test::raised_descriptor_limit const descriptors;
    rlimit processes{};
    ::getrlimit(RLIMIT_NPROC, &processes);
    std::size_t const affordable = std::min<std::size_t>(
        processes.rlim_cur / 2, descriptors.most() > 1000 ? descriptors.most() - 1000 : 0);
    std::size_t const count =
        std::min<std::size_t>(affordable, EXECASIO_TEST_SANITIZED ? 300 : 1000);
    run_coroutine(
        [count]() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            // In CPU time, ours and the children's: what the machine does besides must not count.
            auto const cost_of_twenty = [&]() -> asio::awaitable<double> {
                std::vector<double> rounds;
                for (int i = 0; i < 7; ++i) {
                    std::chrono::duration<double> used = -test::own_cpu_time();
                    for (int n = 0; n < 20; ++n) {
                        process p = execasio::spawn(ex, puppet("exit", "0"));
                        exit_record const how = co_await p.wait();
                        used += how.user_time() + how.system_time();
                    }
                    used += test::own_cpu_time();
                    rounds.push_back(used.count());
                }
                co_return *std::min_element(rounds.begin(), rounds.end());
            };
            double const alone = co_await cost_of_twenty();
            pipe_ends gate;
            command cmd = puppet("await");
            cmd.input(stream::descriptor(gate.reader())).output(stream::null);
            std::vector<process> all;
            std::size_t ended = 0;
            auto const hold = [&](std::size_t number) {
                while (all.size() < number) {
                    all.push_back(execasio::spawn(ex, cmd));
                    all.back().async_wait([&](error_code, exit_record const& how) {
                        ended += how.code() == 0 ? 1u : 0u;
                    });
                }
            };
            hold(count / 4);
            double const among_some = co_await cost_of_twenty();
            hold(count);
            double const among_many = co_await cost_of_twenty();
            BOOST_TEST_INFO(count << " children, CPU time of 20: " << alone
                                  << " s, among a quarter " << among_some << " s, among all "
                                  << among_many << " s");
            // Without pidfds the kernel itself goes through all children at each exit: linear, and
            // no more.
            if (execasio::current_exit_engine() == execasio::exit_engine::sigchld) {
                BOOST_TEST(among_many <= 1.5 * 4 * among_some);
                BOOST_TEST(among_many <= 20 * alone);
            } else {
                BOOST_TEST(among_many <= 2 * alone);
            }
            gate.close_reader();
            gate.close_writer();
            co_await test::until([&] { return ended == count; }, 60s);
        },
        100s);
}

BOOST_AUTO_TEST_SUITE_END()
