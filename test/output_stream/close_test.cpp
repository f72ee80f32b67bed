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

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <vector>

namespace asio = boost::asio;
using execasio::errc;
using execasio::error_code;
using execasio::output_stream;
using execasio::process;
using test::error_of;
using test::in_background;
using test::pipe_ends;
using test::reader_of;
using test::run_coroutine;
using test::spawn_with_output;

BOOST_FIXTURE_TEST_SUITE(output, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_closed_stream_says_so_and_aborts_what_is_pending)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        output_stream same = out;
        error_code pending;
        asio::co_spawn(ex, error_of(out.read_line()),
                       [&](std::exception_ptr, error_code ec) { pending = ec; });
        co_await test::until([&] { return out.is_open(); });
        co_await asio::post(ex, asio::use_awaitable);
        same.close();
        co_await test::until([&] { return bool(pending); });
        BOOST_TEST(pending == asio::error::operation_aborted);
        BOOST_TEST(!out.is_open());
        BOOST_TEST(out.native_handle() == -1);
        BOOST_TEST(out.available() == 0u);

        for (output_stream closed : {out, output_stream()}) {
            char byte;
            error_code ec = co_await error_of(closed.read_some(asio::buffer(&byte, 1)));
            BOOST_TEST(ec == errc::not_piped);
            ec = co_await error_of(closed.read_line());
            BOOST_TEST(ec == errc::not_piped);
            ec = co_await error_of(closed.read_all());
            BOOST_TEST(ec == errc::not_piped);
            closed.try_read(asio::buffer(&byte, 1), ec);
            BOOST_TEST(ec == errc::not_piped);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_busy_stream_that_is_closed_aborts_its_reader)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int i = 0; i < 20; ++i) { // whatever it is about at the moment of the close
            process p = spawn_with_output(ex, "write-forever");
            output_stream out = p.output();
            error_code ended;
            auto const read = [&]() -> asio::awaitable<void> {
                std::vector<char> buffer(1000);
                try {
                    for (;;)
                        co_await out.read_some(asio::buffer(buffer));
                } catch (boost::system::system_error const& e) {
                    ended = e.code();
                }
            };
            in_background(ex, read);
            for (int turn = 0; turn <= i; ++turn)
                co_await asio::post(ex, asio::use_awaitable);
            out.close();
            co_await test::until([&] { return bool(ended); });
            BOOST_TEST(ended == asio::error::operation_aborted);
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
