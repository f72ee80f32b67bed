#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/print.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/output_stream.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::errc;
using execasio::error_code;
using execasio::output_stream;
using execasio::process;
using test::error_of;
using test::pipe_ends;
using test::reader_of;
using test::run_coroutine;
using test::spawn_piped;
using test::spawn_with_output;

BOOST_FIXTURE_TEST_SUITE(output, test::no_leaks)

BOOST_AUTO_TEST_CASE(lines_end_at_the_newline_and_nowhere_else)
{
    run_coroutine([]() -> asio::awaitable<void> {
        pipe_ends pipe;
        output_stream out = reader_of(co_await asio::this_coro::executor, pipe);
        pipe.write(std::string_view("a\n\n\r\nb\r\n\0\nlast", 14));
        pipe.close_writer();
        for (std::string const& expected :
             {std::string("a"), std::string(), std::string("\r"), std::string("b\r"),
              std::string(1, '\0'), std::string("last")}) {
            auto const line = co_await out.read_line();
            BOOST_TEST(line.value() == expected);
        }
        auto end = co_await out.read_line();
        BOOST_TEST(!end);
        end = co_await out.read_line();
        BOOST_TEST(!end);
        BOOST_TEST(out.total() == 14u);
    });
}

BOOST_AUTO_TEST_CASE(an_empty_stream_has_no_line_and_no_byte)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        pipe.close_writer();
        auto const line = co_await out.read_line();
        BOOST_TEST(!line);
        std::string const all = co_await out.read_all();
        BOOST_TEST(all == "");
        char byte;
        std::size_t const size = co_await out.read_some(asio::buffer(&byte, 1));
        BOOST_TEST(size == 0u);
    });
}

BOOST_AUTO_TEST_CASE(a_line_that_comes_in_pieces_is_one_line)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_piped(ex, "print", "one ", "say", "begins", "print", "and ", "await",
                                "say", "ends", "print", "last");
        auto line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "one begins");
        p.output().time_limit(1ms);
        error_code const ec = co_await error_of(p.output().read_line());
        BOOST_TEST(ec == asio::error::timed_out);
        p.output().time_limit(output_stream::clock::duration::max());
        p.input().close();
        line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "and ends");
        line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "last");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_line_longer_than_the_maximum_can_be_read_in_parts)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        pipe.write("12345678\nshort\n" + std::string(100, 'x')); // the last one has no end yet
        error_code ec = co_await error_of(out.read_line(7));
        BOOST_TEST(ec == errc::line_too_long);
        ec = co_await error_of(out.read_line(7));
        BOOST_TEST(ec == errc::line_too_long); // still there
        std::array<char, 4> part;
        std::size_t const size = co_await out.read_some(asio::buffer(part));
        BOOST_TEST(std::string(part.data(), size) == "1234");
        auto line = co_await out.read_line(4);
        BOOST_TEST(line.value() == "5678");
        line = co_await out.read_line(5);
        BOOST_TEST(line.value() == "short");
        ec = co_await error_of(out.read_line(99));
        BOOST_TEST(ec == errc::line_too_long);
        pipe.write("\n");
        line = co_await out.read_line(100);
        BOOST_TEST(line.value() == std::string(100, 'x'));
    });
}

BOOST_AUTO_TEST_CASE(a_line_may_be_longer_than_any_buffer)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, "write", "700000", "say", "", "say", "next");
        auto line = co_await p.output().read_line();
        BOOST_TEST((line.value() == std::string(700000, 'x')));
        line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "next");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_line_stays_in_the_stream)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        pipe.write("begun ");
        asio::cancellation_signal signal;
        std::exception_ptr failure;
        bool finished = false;
        asio::co_spawn(
            ex, out.read_line(),
            asio::bind_cancellation_slot(
                signal.slot(), [&](std::exception_ptr e, std::optional<std::string> const&) {
                    failure = e;
                    finished = true;
                }));
        co_await test::until([&] { return out.total() == 6; });
        signal.emit(asio::cancellation_type::terminal);
        co_await test::until([&] { return finished; });
        BOOST_TEST(bool(failure));
        pipe.write("and ended\n");
        auto const line = co_await out.read_line();
        BOOST_TEST(line.value() == "begun and ended");
    });
}

BOOST_AUTO_TEST_CASE(lines_at_full_speed_keep_their_order)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        constexpr std::size_t count = 200000;
        process p = spawn_with_output(ex, "lines", std::to_string(count));
        std::size_t next = 0;
        bool in_order = true;
        for (;;) {
            auto const line = co_await p.output().read_line();
            if (!line)
                break;
            in_order = in_order && *line == std::to_string(next);
            ++next;
        }
        BOOST_TEST(in_order);
        BOOST_TEST(next == count);
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_SUITE_END()
