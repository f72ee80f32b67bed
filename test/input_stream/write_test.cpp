#include "support/background_write.hpp"
#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/input_stream.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <string>

#include <signal.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::input_stream;
using execasio::process;
using execasio::stream;
using test::background_write;
using test::error_of;
using test::fill;
using test::in_background;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::some_turns;
using test::writer_of;

namespace {

/// A child that reads nothing until SIGCONT, so that what is more than a pipe holds has to wait:
/// else it might read as fast as it is written, and no writer would ever wait for another.
asio::awaitable<process> spawn_stopped(asio::any_io_executor ex, command cmd)
{
    cmd.input(stream::pipe).output(stream::pipe);
    process p = execasio::spawn(ex, cmd);
    p.signal(SIGSTOP);
    co_await test::until([&] { return test::is_in_state(p.id(), 'T'); });
    co_return p;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(input, test::no_leaks)

BOOST_AUTO_TEST_CASE(writes_from_many_coroutines_come_out_whole_and_in_order)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = co_await spawn_stopped(ex, puppet("cat"));
        constexpr std::size_t size = 150000; // more than a pipe holds
        constexpr unsigned writers = 5;
        constexpr unsigned rounds = 6;
        unsigned finished = 0;
        for (unsigned w = 0; w < writers; ++w) {
            auto const body = [&, w]() -> asio::awaitable<void> {
                for (unsigned round = 0; round < rounds; ++round) {
                    std::string const block(size, static_cast<char>('a' + w * rounds + round));
                    co_await p.input().write(asio::buffer(block));
                }
                if (++finished == writers)
                    co_await p.input().finish();
            };
            in_background(ex, body);
        }
        co_await some_turns();
        p.signal(SIGCONT);
        std::string const all = co_await p.output().read_all();
        BOOST_TEST(all.size() == size * writers * rounds);
        std::string order;
        for (std::size_t at = 0; at + size <= all.size(); at += size) {
            BOOST_TEST((all.find_first_not_of(all[at], at) >= at + size));
            order += all[at];
        }
        // They take turns: each one's first write before anybody's second.
        for (unsigned round = 0; round < rounds; ++round)
            for (unsigned w = 0; w < writers; ++w)
                BOOST_TEST(order.at(round * writers + w) ==
                           static_cast<char>('a' + w * rounds + round));
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(finishing_closes_one_direction_only)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = co_await spawn_stopped(ex, puppet("count", "say", "still here"));
        std::string const data(300000, 'x');
        background_write writing(ex, p.input(), data);
        co_await some_turns();
        p.signal(SIGCONT);
        co_await p.input().finish(); // waits for its turn
        BOOST_TEST(writing.done);
        BOOST_TEST(!writing.ec);
        BOOST_TEST(!p.input().is_open());
        auto line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "300000");
        line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "still here");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(try_write_never_waits_and_never_overtakes)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_stream in = writer_of(ex, pipe);
        std::size_t const filled = fill(in);
        BOOST_TEST(in.total() == filled);
        error_code ec;
        BOOST_TEST(in.try_write(asio::buffer("x", 1), ec) == 0u);
        BOOST_TEST(!ec);
        background_write waiting(ex, in, "1");
        co_await some_turns();
        pipe.read(filled); // there is room now, but somebody waits for it
        BOOST_TEST(in.try_write(asio::buffer("x", 1), ec) == 0u);
        BOOST_TEST(!ec);
        co_await test::until([&] { return waiting.done; });
        BOOST_TEST(in.try_write(asio::buffer("x", 1), ec) == 1u);
        BOOST_TEST(pipe.read(2) == "1x");

        input_stream none;
        BOOST_TEST(none.try_write(asio::buffer("x", 1), ec) == 0u);
        BOOST_TEST(ec == errc::not_piped);
        ec = co_await error_of(none.write(asio::buffer("x", 1)));
        BOOST_TEST(ec == errc::not_piped);
        ec = co_await error_of(none.finish());
        BOOST_TEST(ec == errc::not_piped);
    });
}

BOOST_AUTO_TEST_SUITE_END()
