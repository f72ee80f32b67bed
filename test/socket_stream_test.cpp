#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/drain.hpp>
#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <string>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::exit_record;
using execasio::process;
using execasio::stream;
using test::puppet;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(socket_stream, test::no_leaks)

BOOST_AUTO_TEST_CASE(it_carries_what_a_pipe_does_and_ends_as_one)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("cat", "exit", "3");
        cmd.input(stream::socket).output(stream::socket).error(stream::socket);
        process p = execasio::spawn(ex, cmd);
        std::string const sent(1'000'000, 'x');
        auto const write = [&]() -> asio::awaitable<void> {
            co_await p.input().write(asio::buffer(sent));
            co_await p.input().finish();
        };
        test::in_background(ex, write);
        std::string const got = co_await p.output().read_all();
        BOOST_TEST((got == sent));
        std::string const complaints = co_await p.error().read_all();
        BOOST_TEST(complaints == "");
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 3);
    });
}

BOOST_AUTO_TEST_CASE(what_it_holds_can_be_seen_and_outlives_the_process)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("say", "out");
        cmd.output(stream::socket);
        process p = execasio::spawn(ex, cmd);
        co_await p.wait();
        BOOST_TEST(p.output().available() == 4u);
        BOOST_TEST(!p.output().has_writer());
        std::string const got = co_await p.output().read_all();
        BOOST_TEST(got == "out\n");
    });
}

BOOST_AUTO_TEST_CASE(input_that_is_left_unread_is_a_broken_pipe)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, puppet("pause-forever").input(stream::socket));
        co_await p.input().write(asio::buffer("unread", 6));
        p.signal(SIGKILL);
        co_await p.wait();
        execasio::error_code failed;
        try {
            co_await p.input().write(asio::buffer("more", 4));
        } catch (boost::system::system_error const& e) {
            failed = e.code();
        }
        BOOST_TEST(failed.value() == EPIPE);
    });
}

BOOST_AUTO_TEST_CASE(a_writer_whose_output_is_given_up_ends)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        // In large pieces and small ones, which may see the connection reset instead.
        for (auto const& cmd : {puppet("write-forever"), puppet("lines", "1000000000")}) {
            process p = execasio::spawn(ex, command(cmd).output(stream::socket));
            std::string buffer(1000, ' ');
            co_await p.output().read_some(asio::buffer(buffer));
            p.output().close();
            exit_record const how = co_await p.wait();
            BOOST_TEST((how.signal() == SIGPIPE || how.code() > 0), describe(how));
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
