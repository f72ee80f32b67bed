#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/input_queue.hpp>
#include <execasio/output_pump.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::input_queue;
using execasio::input_stream;
using execasio::output_pump;
using execasio::output_stream;
using execasio::process;
using execasio::stop_plan;
using execasio::stream;
using test::error_of;
using test::numbers_below;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::scaled;
using test::some_turns;
using test::spawn_with_output;

BOOST_FIXTURE_TEST_SUITE(flow, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_pump_delivers_everything_in_order_and_then_the_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("lines", "200000"));
        std::string all;
        std::optional<error_code> end;
        output_pump const pump(
            p.output(), [&](std::string_view data) { all += data; },
            [&](error_code ec) {
                BOOST_TEST(!end);
                end = ec;
            });
        BOOST_TEST(all.empty());
        co_await test::until([&] { return end.has_value(); });
        BOOST_TEST(!*end);
        BOOST_TEST((all == numbers_below(200000)));
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(nothing_is_taken_without_credit_and_no_more_than_it_allows)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("write-forever"));
        std::size_t got = 0;
        output_pump pump(
            p.output(), [&](std::string_view data) { got += data.size(); }, {}, 0);
        co_await test::until([&] { return p.output().available() == p.output().capacity(); });
        co_await some_turns();
        BOOST_TEST(p.output().total() == 0u);
        std::size_t granted = 0;
        for (std::size_t const bytes : {std::size_t{1}, std::size_t{1000}, std::size_t{500000}}) {
            pump.grant(bytes);
            granted += bytes;
            co_await test::until([&] { return got == granted; });
            co_await some_turns();
            BOOST_TEST(got == granted);
            BOOST_TEST(p.output().total() == granted); // nor is it kept anywhere here
            BOOST_TEST(pump.credit() == 0u);
        }
        co_await execasio::stop(p, stop_plan::kill());
    });
}

BOOST_AUTO_TEST_CASE(a_paused_pump_takes_nothing_and_goes_on_where_it_was)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("cat");
        cmd.input(stream::pipe);
        process p = spawn_with_output(ex, cmd);
        std::string all;
        bool ended = false;
        output_pump pump(
            p.output(), [&](std::string_view data) { all += data; },
            [&](error_code ec) { ended = !ec; });
        for (int i = 0; i < 20; ++i) {
            pump.pause();
            BOOST_TEST(pump.paused());
            co_await p.input().write(asio::buffer("x", 1));
            co_await test::until([&] { return p.output().available() == 1; });
            co_await some_turns();
            BOOST_TEST(all.size() == static_cast<std::size_t>(i));
            pump.resume();
            if (i % 2 == 0) { // also while the wait that was broken off is on its way
                pump.pause();
                pump.resume();
            }
            co_await test::until([&] { return all.size() == static_cast<std::size_t>(i) + 1; });
        }
        pump.pause();
        p.input().close();
        co_await p.wait();
        co_await some_turns();
        BOOST_TEST(!ended);
        pump.resume();
        co_await test::until([&] { return ended; });
    });
}

BOOST_AUTO_TEST_CASE(a_pump_that_rests_lets_the_event_loop_end)
{
    pipe_ends pipe;
    asio::io_context context(1);
    output_pump pump(output_stream(context.get_executor(), pipe.release_reader()),
                     [](std::string_view) {});
    context.run_for(20ms);
    BOOST_TEST(!context.stopped()); // it waits for data
    pump.pause();
    context.run_for(scaled(10s));
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE(a_pump_that_is_stopped_leaves_the_rest_to_others)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, puppet("lines", "100000"));
        std::string all;
        std::optional<output_pump> pump;
        auto const on_data = [&](std::string_view data) {
            all += data;
            pump.reset(); // from within its own handler
        };
        auto const on_end = [](error_code) { BOOST_ERROR("nobody asked for more"); };
        pump.emplace(p.output(), on_data, on_end);
        co_await test::until([&] { return !pump; });
        all += co_await p.output().read_all();
        BOOST_TEST((all == numbers_below(100000)));
        co_await p.wait();

        // And one that waits.
        command cmd = puppet("cat");
        cmd.input(stream::pipe);
        p = spawn_with_output(ex, cmd);
        pump.emplace(p.output(), on_data, on_end);
        co_await some_turns();
        pump.reset();
        co_await p.input().write(asio::buffer("word\n", 5));
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "word");
        co_await execasio::stop(p, stop_plan::kill());
    });
}

BOOST_AUTO_TEST_CASE(what_a_handler_throws_comes_out_of_the_event_loop)
{
    pipe_ends pipe;
    pipe.write("some");
    asio::io_context context(1);
    output_pump pump(output_stream(context.get_executor(), pipe.release_reader()),
                     [](std::string_view) { throw std::runtime_error("full"); });
    BOOST_CHECK_THROW(context.run_for(scaled(10s)), std::runtime_error);
    pump.resume();
    pump.grant(1);
    context.restart();
    context.run_for(scaled(10s)); // it has stopped
    BOOST_TEST(context.stopped());
    BOOST_CHECK_THROW(output_pump(output_stream(), [](std::string_view) {}),
                      boost::system::system_error);
}

BOOST_AUTO_TEST_CASE(a_pump_that_always_has_data_gives_way)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        pipe.write(std::string(50000, 'x'));
        std::size_t got = 0;
        unsigned calls = 0;
        unsigned most = 0;
        output_pump pump;
        auto const on_data = [&](std::string_view data) {
            got += data.size();
            most = std::max(most, ++calls);
            pump.grant(data.size()); // ready for more at once
        };
        pump = output_pump(output_stream(ex, pipe.release_reader()), on_data, {}, 100);
        while (got < 50000) {
            calls = 0;
            co_await asio::post(ex, asio::use_awaitable);
        }
        BOOST_TEST(most <= 32u); // of 500, between two turns of somebody else
    });
}

BOOST_AUTO_TEST_CASE(a_sender_that_comes_late_does_not_overtake)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_queue queue(input_stream(ex, pipe.release_writer()));
        queue.high_water_mark(0);
        BOOST_TEST(!queue.push(std::string(64 * 1024 + 1, 'a')));
        std::vector<char> sent;
        auto const send = [&](char c) {
            asio::co_spawn(ex, queue.send(std::string(1, c)),
                           [&sent, c](std::exception_ptr) { sent.push_back(c); });
        };
        send('b');
        send('c');
        co_await some_turns();
        std::string text(2 * 64 * 1024, '\0');
        BOOST_REQUIRE(::read(pipe.reader(), text.data(), text.size()) == ssize_t{64 * 1024});
        // The moment in which there is room, and those who wait do not know yet.
        while (queue.size() != 0)
            co_await asio::post(ex, asio::use_awaitable);
        send('d');
        co_await test::until([&] { return sent.size() == 3; });
        BOOST_TEST((sent == std::vector<char>{'b', 'c', 'd'}));
        ssize_t const size = ::read(pipe.reader(), text.data(), text.size());
        BOOST_TEST(text.substr(0, static_cast<std::size_t>(size)) == "abcd");
        queue.close();
    });
}

BOOST_AUTO_TEST_CASE(a_queue_makes_its_senders_wait_at_the_mark)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_queue queue(input_stream(ex, pipe.release_writer()), 100000);
        BOOST_TEST(queue.max() == 100000u);
        queue.high_water_mark(1000);
        std::size_t const pipe_size = 64 * 1024;
        co_await queue.send(std::string(pipe_size, 'a')); // straight into the pipe
        BOOST_TEST(!queue.is_high());
        co_await queue.send(std::string(5000, 'b'));
        BOOST_TEST(queue.size() == 5000u);
        BOOST_TEST(queue.is_high());
        std::vector<char> sent;
        for (char const c : {'c', 'd', 'e'})
            asio::co_spawn(ex, queue.send(std::string(10, c)), [&sent, c](std::exception_ptr e) {
                BOOST_TEST(!e);
                sent.push_back(c);
            });
        co_await some_turns();
        BOOST_TEST(sent.empty());
        BOOST_TEST(queue.size() == 5000u);

        std::string all(pipe_size + 5030, '\0');
        std::size_t read = 0;
        while (read < all.size()) {
            ssize_t const n = ::read(pipe.reader(), all.data() + read, 8192);
            BOOST_REQUIRE(n > 0);
            read += static_cast<std::size_t>(n);
            co_await test::until([&] {
                int in_pipe = 0;
                return read == all.size() ||
                       (::ioctl(pipe.reader(), FIONREAD, &in_pipe) == 0 && in_pipe > 0);
            });
        }
        BOOST_TEST((sent == std::vector<char>{'c', 'd', 'e'}));
        BOOST_TEST(all.substr(pipe_size) == std::string(5000, 'b') + std::string(10, 'c') +
                                                std::string(10, 'd') + std::string(10, 'e'));
        error_code const ec = co_await error_of(queue.send(std::string(100001, 'x')));
        BOOST_TEST(ec == errc::input_queue_full);
        queue.close();
    });
}

BOOST_AUTO_TEST_CASE(a_sender_that_gives_up_has_sent_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_queue queue(input_stream(ex, pipe.release_writer()));
        queue.high_water_mark(0);
        BOOST_TEST(!queue.push(std::string(64 * 1024 + 1, 'a')));
        asio::cancellation_signal signal;
        error_code ec;
        asio::co_spawn(ex, error_of(queue.send("b")),
                       asio::bind_cancellation_slot(
                           signal.slot(), [&](std::exception_ptr, error_code e) { ec = e; }));
        bool other_failed = false;
        asio::co_spawn(ex, error_of(queue.send("c")), [&](std::exception_ptr, error_code e) {
            other_failed = e == errc::not_piped;
        });
        co_await some_turns();
        signal.emit(asio::cancellation_type::terminal);
        co_await test::until([&] { return bool(ec); });
        BOOST_TEST(ec == asio::error::operation_aborted);
        BOOST_TEST(queue.size() == 1u);
        queue.close();
        co_await test::until([&] { return other_failed; });
        ec = co_await error_of(queue.send("d"));
        BOOST_TEST(ec == errc::not_piped);
    });
}

BOOST_AUTO_TEST_CASE(raising_the_mark_lets_senders_go_on)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_queue queue(input_stream(ex, pipe.release_writer()));
        queue.high_water_mark(0);
        BOOST_TEST(!queue.push(std::string(64 * 1024 + 1, 'a')));
        bool sent = false;
        asio::co_spawn(ex, queue.send("b"), [&](std::exception_ptr e) { sent = !e; });
        co_await some_turns();
        BOOST_TEST(!sent);
        queue.high_water_mark(1);
        co_await test::until([&] { return sent; });
        BOOST_TEST(queue.size() == 2u);
        queue.close();
    });
}

BOOST_AUTO_TEST_CASE(the_depth_of_each_queue_can_be_seen)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("print", "12345", "await", "await", "say", "67");
        cmd.input(stream::pipe);
        process p = spawn_with_output(ex, cmd);
        BOOST_TEST(p.output().capacity() >= 4096u);
        BOOST_TEST(p.input().capacity() >= 4096u);
        co_await test::until([&] { return p.output().available() == 5; });
        BOOST_TEST(p.output().has_writer());
        co_await p.input().write(asio::buffer("abc", 3));
        co_await test::until([&] { return p.input().unread() == 1; }); // two were taken
        co_await p.wait();
        BOOST_TEST(p.output().available() == 8u);
        BOOST_TEST(!p.output().has_writer());
        output_stream const none;
        BOOST_TEST((none.capacity() == 0 && none.buffered() == 0 && !none.has_writer()));
    });
}

BOOST_AUTO_TEST_CASE(one_childs_data_delays_nothing_else)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        // Three that print without end: one whose consumer is stalled, two that flow.
        std::array<process, 3> writers;
        std::array<std::size_t, 3> got{};
        std::vector<output_pump> pumps;
        for (std::size_t i = 0; i < writers.size(); ++i) {
            writers[i] = spawn_with_output(ex, puppet("write-forever"));
            pumps.emplace_back(
                writers[i].output(), [&got, i](std::string_view data) { got[i] += data.size(); },
                output_pump::end_handler(), i == 0 ? 0 : output_pump::unlimited);
        }
        auto const flows = [&] { return got[1] > 2'000'000 && got[2] > 2'000'000; };
        co_await test::until(flows);

        // The exit of another, a stop, and a timer: each acts within a few milliseconds.
        auto const bound = scaled(200ms);
        // The longest delay of a round, in the best of ten: if data came first, all would be late.
        auto const longest_delay = [&]() -> asio::awaitable<std::chrono::steady_clock::duration> {
            auto best = std::chrono::steady_clock::duration::max();
            for (int i = 0; i < 10; ++i) {
                std::chrono::steady_clock::duration longest{};
                command cmd = puppet("await", "exit", "3");
                cmd.input(stream::pipe);
                process p = execasio::spawn(ex, cmd);
                auto begin = std::chrono::steady_clock::now();
                p.input().close();
                exit_record how = co_await p.wait();
                BOOST_TEST(how.code() == 3);
                longest = std::max(longest, std::chrono::steady_clock::now() - begin);

                process q = execasio::spawn(ex, puppet("pause-forever"));
                begin = std::chrono::steady_clock::now();
                how = co_await execasio::stop(q, stop_plan());
                BOOST_TEST(how.signal() == SIGTERM);
                longest = std::max(longest, std::chrono::steady_clock::now() - begin);

                begin = std::chrono::steady_clock::now();
                asio::steady_timer timer(ex, 5ms);
                co_await timer.async_wait(asio::use_awaitable);
                longest = std::max(longest, std::chrono::steady_clock::now() - begin - 5ms);
                best = std::min(best, longest);
            }
            co_return best;
        };
        // Once is enough, since others use this machine, too.
        auto longest = co_await longest_delay();
        for (int tries = 1; tries < 10 && longest >= bound; ++tries)
            longest = co_await longest_delay();
        BOOST_TEST_MESSAGE("longest delay: " << longest / 1us << " us");
        BOOST_TEST((longest < bound));

        BOOST_TEST(got[0] == 0u);
        BOOST_TEST(writers[0].output().total() == 0u);
        got = {};
        co_await test::until(flows); // they have not been stopped by it
        BOOST_TEST(got[0] == 0u);
        for (process& p : writers) { // the stalled one as well
            exit_record const how = co_await execasio::stop(p, stop_plan());
            BOOST_TEST(how.signal() == SIGTERM); // within the five seconds of grace
        }
        pumps.clear();
    });
}

BOOST_AUTO_TEST_SUITE_END()
