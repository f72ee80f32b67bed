#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/output_stream.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::output_stream;
using execasio::process;
using test::in_background;
using test::run_coroutine;
using test::spawn_piped;
using test::spawn_with_output;

BOOST_FIXTURE_TEST_SUITE(output, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_child_that_nobody_reads_waits_and_costs_no_memory)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, "write-forever");
        std::vector<char> buffer(64 * 1024);
        for (std::size_t read = 0; read < 8 * 1024 * 1024;)
            read += co_await p.output().read_some(asio::buffer(buffer));
        std::size_t const memory = test::own_memory();
        std::size_t before = 0;
        co_await test::until([&] { // asleep, and the pipe has stopped growing
            std::size_t const now = p.output().available();
            bool const stalled = test::is_in_state(p.id(), 'S') && now == before && now != 0;
            before = now;
            return stalled;
        });
        BOOST_TEST(before <= 1024u * 1024u);
        BOOST_TEST(p.output().total() < 10u * 1024u * 1024u);
        BOOST_TEST(test::own_memory() <= memory + 4 * 1024 * 1024);
        p.output().close();
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGPIPE);
    });
}

BOOST_AUTO_TEST_CASE(a_stream_that_never_runs_dry_leaves_a_timer_its_turns)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        output_stream zeros(ex, ::open("/dev/zero", O_RDONLY | O_CLOEXEC));
        unsigned ticks = 0;
        auto const tick = [&]() -> asio::awaitable<void> {
            asio::steady_timer timer(ex);
            for (; ticks < 20; ++ticks) {
                timer.expires_after(1ms);
                co_await timer.async_wait(asio::use_awaitable);
            }
        };
        in_background(ex, tick);
        std::vector<char> buffer(64 * 1024);
        constexpr std::uint64_t give_up = 8ULL * 1024 * 1024 * 1024; // a starved timer never comes
        while (ticks < 20 && zeros.total() < give_up)
            co_await zeros.read_some(asio::buffer(buffer));
        BOOST_TEST(ticks == 20u);
        co_await test::until([&] { return ticks == 20; });
    });
}

BOOST_AUTO_TEST_CASE(who_takes_time_for_each_line_leaves_others_their_turns)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, "lines", "1000000000");
        constexpr unsigned wanted = 4000;
        unsigned lines = 0;
        unsigned longest_turn = 0;
        bool measured = false;
        auto const measure = [&]() -> asio::awaitable<void> {
            while (lines < wanted) {
                unsigned const before = lines;
                co_await asio::post(ex, asio::use_awaitable);
                longest_turn = std::max(longest_turn, lines - before);
            }
            measured = true;
        };
        in_background(ex, measure);
        for (; lines < wanted; ++lines) {
            co_await p.output().read_line();
            auto const begin = std::chrono::steady_clock::now();
            while (std::chrono::steady_clock::now() - begin < 100us)
                continue;
        }
        co_await test::until([&] { return measured; });
        BOOST_TEST(longest_turn <= 64u); // 1 ms, found at the next look at the clock
    });
}

BOOST_AUTO_TEST_CASE(a_hundred_megabytes_come_back_as_they_went)
{
    run_coroutine(
        []() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            constexpr std::size_t total = 100 * 1024 * 1024;
            // A prime length, so that a piece in the wrong place shows.
            std::vector<char> pattern(65521);
            unsigned random = 1;
            for (char& c : pattern)
                c = static_cast<char>((random = random * 1103515245 + 12345) >> 16);
            process p = spawn_piped(ex, "cat");
            auto const write = [&]() -> asio::awaitable<void> {
                for (std::size_t done = 0; done < total;) {
                    std::size_t const size = std::min(pattern.size(), total - done);
                    co_await p.input().write(asio::buffer(pattern, size));
                    done += size;
                }
                co_await p.input().finish();
            };
            in_background(ex, write);
            std::vector<char> buffer(64 * 1024);
            std::size_t done = 0;
            bool equal = true;
            for (;;) {
                std::size_t const size = co_await p.output().read_some(asio::buffer(buffer));
                if (size == 0)
                    break;
                for (std::size_t at = 0; at < size;) {
                    std::size_t const offset = (done + at) % pattern.size();
                    std::size_t const part = std::min(size - at, pattern.size() - offset);
                    equal = equal &&
                            std::memcmp(buffer.data() + at, pattern.data() + offset, part) == 0;
                    at += part;
                }
                done += size;
            }
            BOOST_TEST(done == total);
            BOOST_TEST(equal);
            BOOST_TEST(p.output().total() == total);
            BOOST_TEST(p.input().total() == total);
            co_await p.wait();
        },
        60s);
}

BOOST_AUTO_TEST_SUITE_END()
