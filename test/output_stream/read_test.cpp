#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/print.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/output_stream.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstddef>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::errc;
using execasio::error_code;
using execasio::output_stream;
using execasio::process;
using test::error_of;
using test::pipe_ends;
using test::reader_of;
using test::run_coroutine;
using test::spawn_with_output;

BOOST_FIXTURE_TEST_SUITE(output, test::no_leaks)

BOOST_AUTO_TEST_CASE(more_output_than_the_limit_is_an_error_that_loses_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, "say", "head", "write", "300000");
        auto const head = co_await p.output().read_line();
        BOOST_TEST(head.value() == "head");
        for (std::size_t const limit : {0u, 1000u, 200000u, 299999u}) {
            error_code const ec = co_await error_of(p.output().read_all(limit));
            BOOST_TEST(ec == errc::output_too_long);
        }
        std::string const all = co_await p.output().read_all(300000);
        BOOST_TEST((all == std::string(300000, 'x')));
        BOOST_TEST(p.output().total() == 300005u);
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(all_kinds_of_reading_take_what_was_read_ahead_first)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        pipe.write("line\nabcdefgh"); // and nothing more for now
        auto const line = co_await out.read_line();
        BOOST_TEST(line.value() == "line");
        BOOST_TEST(out.available() == 0u);
        char byte = '-';
        std::size_t size = co_await out.read_some(asio::buffer(&byte, 1));
        BOOST_TEST((size == 1 && byte == 'a'));
        error_code ec;
        size = out.try_read(asio::buffer(&byte, 1), ec);
        BOOST_TEST((!ec && size == 1 && byte == 'b'));
        size = co_await out.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
        BOOST_TEST((size == 1 && byte == 'c'));
        pipe.write("ij");
        std::array<char, 3> three;
        size = co_await asio::async_read(out, asio::buffer(three), asio::use_awaitable);
        BOOST_TEST(std::string(three.data(), size) == "def");
        pipe.close_writer();
        std::string const rest = co_await out.read_all();
        BOOST_TEST(rest == "ghij");
    });
}

BOOST_AUTO_TEST_CASE(asios_own_algorithms_read_it)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_with_output(ex, "say", "first", "say", "second", "print", "rest");
        std::string text;
        std::size_t size = co_await asio::async_read_until(p.output(), asio::dynamic_buffer(text),
                                                           '\n', asio::use_awaitable);
        BOOST_TEST(text.substr(0, size) == "first\n");
        text.erase(0, size);
        size = co_await asio::async_read_until(p.output(), asio::dynamic_buffer(text), '\n',
                                               asio::use_awaitable);
        BOOST_TEST(text.substr(0, size) == "second\n");
        text.erase(0, size);
        error_code ec;
        co_await asio::async_read(p.output(), asio::dynamic_buffer(text),
                                  asio::redirect_error(asio::use_awaitable, ec));
        BOOST_TEST(ec == asio::error::eof);
        BOOST_TEST(text == "rest");
        size = co_await p.output().async_read_some(asio::mutable_buffer(), asio::use_awaitable);
        BOOST_TEST(size == 0u); // as Asio wants it: an empty read succeeds
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(what_is_there_can_be_read_without_waiting)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        std::array<char, 8> buffer;
        error_code ec;
        std::size_t size = out.try_read(asio::buffer(buffer), ec);
        BOOST_TEST((size == 0 && ec == asio::error::would_block));
        pipe.write("0123456789");
        BOOST_TEST(out.available() == 10u);
        size = out.try_read(asio::buffer(buffer), ec);
        BOOST_TEST((size == 8 && !ec));
        BOOST_TEST(out.available() == 2u);
        size = out.try_read(asio::buffer(buffer), ec);
        BOOST_TEST((size == 2 && !ec));
        pipe.close_writer();
        size = out.try_read(asio::buffer(buffer), ec);
        BOOST_TEST((size == 0 && !ec));
    });
}

BOOST_AUTO_TEST_CASE(a_file_reads_like_any_stream)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        output_stream file(ex, ::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
        auto const line = co_await file.read_line();
        BOOST_TEST(line->starts_with("Name:\t"));
        std::string const rest = co_await file.read_all();
        BOOST_TEST(rest.find("\nPid:\t" + std::to_string(::getpid()) + "\n") != std::string::npos);
    });
}

BOOST_AUTO_TEST_SUITE_END()
