#include "support/background_write.hpp"
#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/input_stream.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <exception>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::input_stream;
using test::background_write;
using test::fill;
using test::pipe_ends;
using test::run_coroutine;
using test::some_turns;
using test::writer_of;

BOOST_FIXTURE_TEST_SUITE(input, test::no_leaks)

BOOST_AUTO_TEST_CASE(cancelling_a_writer_gives_the_turn_to_the_next)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_stream in = writer_of(ex, pipe);
        std::size_t const filled = fill(in);
        background_write first(ex, in, std::string(100, '1')); // waits for the pipe
        background_write second(ex, in, "2");                  // waits for its turn, as
        background_write third(ex, in, "3");                   // does this one
        background_write fourth(ex, in, "4");
        co_await some_turns();
        second.signal.emit(asio::cancellation_type::terminal); // in the middle of the line
        co_await test::until([&] { return second.done; });
        BOOST_TEST(second.ec == asio::error::operation_aborted);
        BOOST_TEST((!first.done && !third.done && !fourth.done));
        first.signal.emit(asio::cancellation_type::terminal); // who has the turn
        co_await test::until([&] { return first.done; });
        BOOST_TEST(first.ec == asio::error::operation_aborted);
        BOOST_TEST((!third.done && !fourth.done));
        BOOST_TEST(in.total() == filled);
        pipe.read(filled);
        co_await test::until([&] { return third.done && fourth.done; });
        BOOST_TEST((!third.ec && !fourth.ec));
        BOOST_TEST(pipe.read(2) == "34");
        BOOST_TEST(in.is_open());
    });
}

BOOST_AUTO_TEST_CASE(a_writer_that_is_given_the_turn_and_cancelled_at_once_passes_it_on)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int order = 0; order < 2; ++order) {
            pipe_ends pipe;
            input_stream in = writer_of(ex, pipe);
            std::size_t const filled = fill(in);
            background_write first(ex, in, "1");
            background_write second(ex, in, "2");
            background_write third(ex, in, "3");
            co_await some_turns();
            auto& one = order == 0 ? first : second;
            auto& other = order == 0 ? second : first;
            one.signal.emit(asio::cancellation_type::terminal);
            other.signal.emit(asio::cancellation_type::terminal);
            co_await test::until([&] { return first.done && second.done; });
            BOOST_TEST(!third.done);
            pipe.read(filled);
            co_await test::until([&] { return third.done; });
            BOOST_TEST(!third.ec);
            BOOST_TEST(pipe.read(1) == "3");
        }
    });
}

BOOST_AUTO_TEST_CASE(a_time_limit_covers_the_write_and_its_turn)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_stream in = writer_of(ex, pipe);
        std::size_t const filled = fill(in);
        in.time_limit(2ms);
        background_write first(ex, in, "1");
        background_write second(ex, in, "2");
        co_await test::until([&] { return first.done && second.done; });
        BOOST_TEST(first.ec == asio::error::timed_out);
        BOOST_TEST(second.ec == asio::error::timed_out);
        BOOST_TEST(in.is_open());
        in.time_limit(input_stream::clock::duration::max());
        background_write third(ex, in, "3");
        co_await some_turns();
        pipe.read(filled);
        co_await test::until([&] { return third.done; });
        BOOST_TEST(pipe.read(1) == "3");
    });
}

BOOST_AUTO_TEST_CASE(closing_aborts_all_writers)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_stream in = writer_of(ex, pipe);
        fill(in);
        background_write first(ex, in, "1");
        background_write second(ex, in, "2");
        co_await some_turns();
        in.close();
        co_await test::until([&] { return first.done && second.done; });
        BOOST_TEST(first.ec == asio::error::operation_aborted);
        BOOST_TEST(second.ec == asio::error::operation_aborted);
        BOOST_TEST(in.native_handle() == -1);
    });
}

BOOST_AUTO_TEST_CASE(those_in_line_get_the_error_of_the_one_before)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_stream in = writer_of(ex, pipe);
        fill(in);
        background_write first(ex, in, "1");
        background_write second(ex, in, "2");
        co_await some_turns();
        pipe.close_reader();
        co_await test::until([&] { return first.done && second.done; });
        BOOST_TEST(first.ec == asio::error::broken_pipe);
        BOOST_TEST(second.ec == asio::error::broken_pipe);
    });
}

BOOST_AUTO_TEST_CASE(a_context_may_go_with_writers_in_line)
{
    pipe_ends pipe;
    {
        asio::io_context context;
        auto const ex = context.get_executor();
        input_stream in = writer_of(ex, pipe);
        fill(in);
        std::string const text = "x";
        for (int i = 0; i < 3; ++i)
            asio::co_spawn(ex, in.write(asio::buffer(text)), [](std::exception_ptr) {});
        context.poll();
    }
}

BOOST_AUTO_TEST_SUITE_END()
