#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/print.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/input_queue.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <thread>
#include <vector>

#include <sys/ioctl.h>

namespace asio = boost::asio;
using execasio::errc;
using execasio::error_code;
using execasio::input_queue;
using execasio::process;
using test::pipe_ends;
using test::run_coroutine;
using test::some_turns;
using test::spawn_piped;
using test::writer_of;

namespace {

constexpr std::size_t pipe_size = 64 * 1024;

input_queue queue_of(asio::any_io_executor executor, pipe_ends& pipe,
                     std::size_t max = input_queue::default_max)
{
    return input_queue(writer_of(executor, pipe), max);
}

/// Reads to the end on a thread of its own, in small pieces.
class draining_reader {
public:
    explicit draining_reader(pipe_ends& pipe)
        : thread_([this, fd = pipe.release_reader()] {
              std::vector<char> buffer(5000);
              for (ssize_t n; (n = ::read(fd, buffer.data(), buffer.size())) > 0;)
                  text_.append(buffer.data(), static_cast<std::size_t>(n));
              ::close(fd);
          })
    {
    }
    draining_reader(draining_reader const&) = delete;
    draining_reader& operator=(draining_reader const&) = delete;
    ~draining_reader()
    {
        if (thread_.joinable())
            thread_.join();
    }

    std::string const& text() // when the other end was closed
    {
        thread_.join();
        return text_;
    }

private:
    std::string text_;
    std::thread thread_;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue, test::no_leaks)

BOOST_AUTO_TEST_CASE(everything_comes_out_in_order_and_then_the_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_piped(ex, "cat");
        input_queue queue(p.input());
        std::string expected;
        for (int i = 0; i < 200; ++i) {
            std::string const piece(3000, static_cast<char>('A' + i % 50));
            expected += piece;
            error_code const ec = queue.push(piece);
            BOOST_TEST(!ec);
        }
        BOOST_TEST(queue.size() > 0u);
        queue.finish();
        BOOST_TEST(!queue.is_open());
        BOOST_TEST(queue.push("late") == errc::not_piped);
        std::string const all = co_await p.output().read_all();
        BOOST_TEST((all == expected));
        BOOST_TEST(queue.size() == 0u);
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_reader_as_fast_as_the_writer_gets_everything_in_order)
{
    // The background is often done before the next push here: the window between the two.
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int round = 0; round < 20; ++round) {
            pipe_ends pipe;
            draining_reader reader(pipe); // first: it is done when the queue has gone
            input_queue queue = queue_of(ex, pipe);
            std::string expected;
            for (int i = 0; i < 60; ++i) {
                std::string const piece(pipe_size + 1000, static_cast<char>('A' + i));
                expected += piece;
                BOOST_TEST(!queue.push(piece));
                std::string const small = std::to_string(i);
                expected += small;
                BOOST_TEST(!queue.push(small));
                if (i % 3 == 0)
                    co_await asio::post(ex, asio::use_awaitable);
            }
            co_await queue.wait_below();
            BOOST_TEST(queue.size() == 0u);
            queue.finish();
            co_await test::until([&] { return !queue.is_open(); });
            co_await some_turns();
            BOOST_TEST((reader.text() == expected));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_push_between_the_last_byte_and_its_news_is_written)
{
    pipe_ends pipe;
    asio::io_context context;
    input_queue queue = queue_of(context.get_executor(), pipe);
    std::string const much(pipe_size + 10, 'a');
    BOOST_TEST(!queue.push(much)); // the background has 10 bytes to write, when it gets to run
    pipe.read(pipe_size);
    // After each handler that the context runs.
    std::string expected(10, 'a');
    for (char next = 'b'; context.poll_one() != 0; ++next) {
        BOOST_REQUIRE(next <= 'z'); // as many as 25 handlers for this
        BOOST_TEST(!queue.push(std::string(1, next)));
        expected += next;
    }
    BOOST_TEST(queue.size() == 0u);
    std::string text(100, '\0');
    ssize_t const size = ::read(pipe.reader(), text.data(), text.size());
    BOOST_REQUIRE(size > 0);
    BOOST_TEST(text.substr(0, static_cast<std::size_t>(size)) == expected);
    queue.close();
}

BOOST_AUTO_TEST_CASE(it_holds_so_much_and_no_more)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_queue queue = queue_of(ex, pipe, 1000);
        BOOST_TEST(!queue.push(std::string(1000, 'a'))); // goes straight into the pipe
        BOOST_TEST(queue.size() == 0u);
        BOOST_TEST(queue.push(std::string(1001, 'a')) == errc::input_queue_full);
        int in_pipe = 0;
        while (queue.size() < 1000)
            BOOST_TEST(!queue.push(std::string(1000 - queue.size(), 'a')));
        BOOST_TEST(queue.push("b") == errc::input_queue_full);
        BOOST_TEST(!queue.push(""));
        co_await some_turns();
        BOOST_TEST(queue.size() == 1000u); // nothing of the refused was taken
        BOOST_REQUIRE(::ioctl(pipe.reader(), FIONREAD, &in_pipe) == 0);

        bool below = false;
        asio::co_spawn(ex, queue.wait_below(999), [&](std::exception_ptr) { below = true; });
        co_await some_turns();
        BOOST_TEST(!below);
        std::vector<char> buffer(pipe_size);
        std::size_t read = 0;
        while (read < static_cast<std::size_t>(in_pipe) + 1000) {
            ssize_t const n = ::read(pipe.reader(), buffer.data(), 4096);
            BOOST_REQUIRE(n > 0);
            read += static_cast<std::size_t>(n);
            if (read + 4096 > static_cast<std::size_t>(in_pipe))
                co_await queue.wait_below(); // all of it fits now
        }
        BOOST_TEST(read == static_cast<std::size_t>(in_pipe) + 1000);
        co_await test::until([&] { return below; });
        BOOST_TEST(!queue.push("c"));
        queue.close();
    });
}

BOOST_AUTO_TEST_CASE(a_shorter_queue_is_awaited_for_a_time)
{
    run_coroutine([]() -> asio::awaitable<void> {
        using std::chrono::steady_clock;
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_queue queue = queue_of(ex, pipe);
        bool const at_once = co_await queue.wait_below(0, steady_clock::now());
        BOOST_TEST(at_once); // nothing waits
        BOOST_TEST(!queue.push(std::string(pipe_size + 1000, 'a')));
        BOOST_TEST(queue.size() == 1000u);
        auto const soon = steady_clock::now() + std::chrono::milliseconds(20);
        bool const in_vain = co_await queue.wait_below(999, soon);
        BOOST_TEST(!in_vain);
        BOOST_TEST((steady_clock::now() >= soon));
        bool below = false;
        auto const late = steady_clock::now() + std::chrono::hours(1);
        asio::co_spawn(ex, queue.wait_below(999, late),
                       [&](std::exception_ptr, bool reached) { below = reached; });
        co_await some_turns();
        BOOST_TEST(!below);
        pipe.read(pipe_size);
        co_await test::until([&] { return below; });
        queue.close();
    });
}

BOOST_AUTO_TEST_CASE(closing_drops_what_is_queued)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const turns : {false, true}) {
            pipe_ends pipe;
            input_queue queue = queue_of(ex, pipe);
            BOOST_TEST(!queue.push(std::string(pipe_size + 100, 'a')));
            BOOST_TEST(!queue.push("b"));
            if (turns)
                co_await some_turns();
            bool below = false;
            asio::co_spawn(ex, queue.wait_below(), [&](std::exception_ptr) { below = true; });
            queue.close();
            BOOST_TEST(!queue.is_open());
            co_await test::until([&] { return below; });
            BOOST_TEST(queue.size() == 0u);
            BOOST_TEST(queue.push("c") == errc::not_piped);
            queue.close();
            queue.finish();
            std::vector<char> buffer(2 * pipe_size);
            BOOST_TEST(::read(pipe.reader(), buffer.data(), buffer.size()) == ssize_t{pipe_size});
            BOOST_TEST(::read(pipe.reader(), buffer.data(), buffer.size()) == 0);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_reader_that_has_gone_ends_it_quietly)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        input_queue queue = queue_of(ex, pipe);
        BOOST_TEST(!queue.push(std::string(pipe_size + 100, 'a')));
        co_await some_turns();
        pipe.close_reader();
        co_await queue.wait_below();
        co_await test::until([&] { return !queue.is_open(); });
        BOOST_TEST(queue.push("x") == errc::not_piped);

        pipe_ends other;
        input_queue direct = queue_of(ex, other);
        other.close_reader();
        BOOST_TEST(!direct.push("x")); // dropped, as if it had come a moment earlier
        BOOST_TEST(direct.push("x") == errc::not_piped);
        co_await direct.wait_below();
    });
}

BOOST_AUTO_TEST_CASE(the_background_outlives_the_queue)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_piped(ex, "count");
        {
            input_queue queue(p.input());
            BOOST_TEST(!queue.push(std::string(500000, 'a')));
            queue.finish();
        }
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "500000");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(an_empty_queue_takes_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        input_queue queue;
        BOOST_TEST(!queue.is_open());
        BOOST_TEST(queue.push("x") == errc::not_piped);
        queue.finish();
        queue.close();
        BOOST_TEST(queue.size() == 0u);
        co_await queue.wait_below();
    });
}

BOOST_AUTO_TEST_SUITE_END()
