#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/filter.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/input_stream.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::input_stream;
using execasio::process;
using execasio::stream;
using test::error_of;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;

namespace {

input_stream writer_of(asio::any_io_executor executor, pipe_ends& pipe)
{
    return input_stream(executor, pipe.release_writer());
}

/// Everything that fits into the pipe.
std::size_t fill(input_stream& in)
{
    std::vector<char> const block(4096, '-');
    std::size_t total = 0;
    for (;;) {
        error_code ec;
        std::size_t const size = in.try_write(asio::buffer(block), ec);
        BOOST_REQUIRE(!ec);
        total += size;
        if (size < block.size())
            return total;
    }
}

std::string read_exactly(int fd, std::size_t size)
{
    std::string text(size, '\0');
    for (std::size_t done = 0; done < size;) {
        ssize_t const n = ::read(fd, text.data() + done, size - done);
        BOOST_REQUIRE(n > 0);
        done += static_cast<std::size_t>(n);
    }
    return text;
}

/// A write that goes on by itself.
struct background_write {
    background_write(asio::any_io_executor ex, input_stream stream, std::string text)
        : data(std::move(text))
    {
        asio::co_spawn(ex, error_of(stream.write(asio::buffer(data))),
                       asio::bind_cancellation_slot(
                           signal.slot(), [this](std::exception_ptr e, error_code result) {
                               ec = e ? make_error_code(asio::error::operation_aborted) : result;
                               done = true;
                           }));
    }
    background_write(background_write const&) = delete;
    background_write& operator=(background_write const&) = delete;

    std::string data;
    asio::cancellation_signal signal;
    error_code ec;
    bool done = false;
};

asio::awaitable<void> some_turns()
{
    auto const ex = co_await asio::this_coro::executor;
    for (int i = 0; i < 10; ++i)
        co_await asio::post(ex, asio::use_awaitable);
}

bool sigpipe_is_pending()
{
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGPIPE) == 1;
}

bool sigpipe_is_blocked()
{
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return ::sigismember(&mask, SIGPIPE) == 1;
}

void write_to_nobody()
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const waits : {false, true}) {
            pipe_ends pipe;
            input_stream in = writer_of(ex, pipe);
            if (!waits) {
                pipe.close_reader();
                error_code const ec = co_await error_of(in.write(asio::buffer("x", 1)));
                BOOST_TEST(ec == asio::error::broken_pipe);
            } else { // the reader goes while the writer waits
                fill(in);
                background_write writing(ex, in, std::string(100000, 'x'));
                co_await some_turns();
                BOOST_TEST(!writing.done);
                pipe.close_reader();
                co_await test::until([&] { return writing.done; });
                BOOST_TEST(writing.ec == asio::error::broken_pipe);
            }
            BOOST_TEST(!in.is_open());
            error_code const ec = co_await error_of(in.write(asio::buffer("x", 1)));
            BOOST_TEST(ec == errc::not_piped);
        }
        pipe_ends pipe;
        input_stream in = writer_of(ex, pipe);
        pipe.close_reader();
        error_code ec;
        BOOST_TEST(in.try_write(asio::buffer("x", 1), ec) == 0u);
        BOOST_TEST(ec == asio::error::broken_pipe);
    });
}

void write_to_nobody_in_all_dispositions()
{
    BOOST_TEST(!sigpipe_is_blocked());
    for (auto const disposition : {SIG_DFL, SIG_IGN}) {
        auto const before = ::signal(SIGPIPE, disposition);
        write_to_nobody();
        BOOST_TEST(!sigpipe_is_pending());
        BOOST_TEST(!sigpipe_is_blocked());
        BOOST_TEST((::signal(SIGPIPE, before) == disposition));
    }
    sigset_t pipe_signal;
    sigset_t before;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    write_to_nobody();
    BOOST_TEST(!sigpipe_is_pending());
    BOOST_TEST(sigpipe_is_blocked());

    ::pthread_kill(::pthread_self(), SIGPIPE); // one of the caller's own is not taken away
    write_to_nobody();
    BOOST_TEST(sigpipe_is_pending());
    timespec const at_once{};
    BOOST_TEST(::sigtimedwait(&pipe_signal, nullptr, &at_once) == SIGPIPE);
    BOOST_TEST(!sigpipe_is_pending());
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(input, test::no_leaks)

BOOST_AUTO_TEST_CASE(writes_from_many_coroutines_come_out_whole_and_in_order)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("cat");
        cmd.input(stream::pipe).output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
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
            asio::co_spawn(ex, body, [](std::exception_ptr e) { BOOST_TEST(!e); });
        }
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
        command cmd = puppet("count", "say", "still here");
        cmd.input(stream::pipe).output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        std::string const data(300000, 'x');
        background_write writing(ex, p.input(), data);
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

BOOST_AUTO_TEST_CASE(a_reader_that_has_gone_is_an_error_and_no_signal)
{
    write_to_nobody_in_all_dispositions();
}

BOOST_AUTO_TEST_CASE(a_child_that_exits_ends_its_writer)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("await", "exit", "3");
        cmd.input(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        std::string const much(1'000'000, 'x');
        error_code const ec = co_await error_of(p.input().write(asio::buffer(much)));
        BOOST_TEST(ec == asio::error::broken_pipe);
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 3);
    });
}

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
        read_exactly(pipe.reader(), filled);
        co_await test::until([&] { return third.done && fourth.done; });
        BOOST_TEST((!third.ec && !fourth.ec));
        BOOST_TEST(read_exactly(pipe.reader(), 2) == "34");
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
            read_exactly(pipe.reader(), filled);
            co_await test::until([&] { return third.done; });
            BOOST_TEST(!third.ec);
            BOOST_TEST(read_exactly(pipe.reader(), 1) == "3");
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
        read_exactly(pipe.reader(), filled);
        co_await test::until([&] { return third.done; });
        BOOST_TEST(read_exactly(pipe.reader(), 1) == "3");
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
        read_exactly(pipe.reader(), filled); // there is room now, but somebody waits for it
        BOOST_TEST(in.try_write(asio::buffer("x", 1), ec) == 0u);
        BOOST_TEST(!ec);
        co_await test::until([&] { return waiting.done; });
        BOOST_TEST(in.try_write(asio::buffer("x", 1), ec) == 1u);
        BOOST_TEST(read_exactly(pipe.reader(), 2) == "1x");

        input_stream none;
        BOOST_TEST(none.try_write(asio::buffer("x", 1), ec) == 0u);
        BOOST_TEST(ec == errc::not_piped);
        ec = co_await error_of(none.write(asio::buffer("x", 1)));
        BOOST_TEST(ec == errc::not_piped);
        ec = co_await error_of(none.finish());
        BOOST_TEST(ec == errc::not_piped);
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

BOOST_AUTO_TEST_CASE(nor_is_it_a_signal_where_the_kernel_does_not_help)
{
    // A filter holds for one thread. What the library has learnt from it holds for the rest of the
    // program, so this comes last.
    std::thread([] {
        test::refuse_system_calls({SYS_pwritev2}, ENOSYS);
        write_to_nobody_in_all_dispositions();
    }).join();
}

BOOST_AUTO_TEST_SUITE_END()
