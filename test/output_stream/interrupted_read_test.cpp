#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/output_stream.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::error_code;
using execasio::output_stream;
using test::error_of;
using test::pipe_ends;
using test::reader_of;
using test::run_coroutine;

namespace {

/// Writes bytes that count up, one at a time, as fast as the pipe takes them; then closes it.
class counting_writer {
public:
    /// @param interrupted How many reads have been; every hundredth byte comes only after one.
    counting_writer(pipe_ends& pipe, std::size_t count,
                    std::atomic<unsigned> const* interrupted = nullptr)
        : thread_([this, fd = pipe.release_writer(), count, interrupted] {
              for (std::size_t i = 0; i < count && !given_up_; ++i) {
                  if (interrupted && i % 100 == 0)
                      await([interrupted, before = interrupted->load()] {
                          return *interrupted != before;
                      });
                  // Now and then only when the reader has taken all: then it is about to wait.
                  if (i % 8 == 0)
                      await([fd] {
                          int left = 0;
                          return ::ioctl(fd, FIONREAD, &left) != 0 || left == 0;
                      });
                  auto const byte = static_cast<unsigned char>(i);
                  if (::write(fd, &byte, 1) != 1)
                      break;
              }
              ::close(fd);
          })
    {
    }
    counting_writer(counting_writer const&) = delete;
    counting_writer& operator=(counting_writer const&) = delete;
    ~counting_writer()
    {
        given_up_ = true; // a reader that has failed takes no more
        thread_.join();
    }

private:
    template <class Condition>
    void await(Condition condition) const
    {
        while (!condition() && !given_up_)
            std::this_thread::yield();
    }

    std::atomic<bool> given_up_ = false;
    std::thread thread_;
};

/// Whether bytes go on counting where the last ones ended.
class counting_checker {
public:
    void take(void const* data, std::size_t size)
    {
        auto const* bytes = static_cast<unsigned char const*>(data);
        for (std::size_t i = 0; i < size; ++i)
            in_order_ = in_order_ && bytes[i] == static_cast<unsigned char>(count_++);
    }
    [[nodiscard]] bool in_order() const { return in_order_; }
    [[nodiscard]] std::size_t count() const { return count_; }

private:
    std::size_t count_ = 0;
    bool in_order_ = true;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(output, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_time_limit_ends_a_read_and_only_that)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        out.time_limit(2ms);
        char byte;
        auto const before = std::chrono::steady_clock::now();
        error_code ec = co_await error_of(out.read_some(asio::buffer(&byte, 1)));
        BOOST_TEST(ec == asio::error::timed_out);
        BOOST_TEST((std::chrono::steady_clock::now() - before >= 2ms));
        ec = co_await error_of(out.read_line());
        BOOST_TEST(ec == asio::error::timed_out);
        pipe.write("half");
        ec = co_await error_of(out.read_line());
        BOOST_TEST(ec == asio::error::timed_out);
        ec = co_await error_of(out.read_all());
        BOOST_TEST(ec == asio::error::timed_out);
        out.time_limit(0ms); // what is there can still be read
        std::size_t const size = co_await out.read_some(asio::buffer(&byte, 1));
        BOOST_TEST((size == 1 && byte == 'h'));
        out.time_limit(output_stream::clock::duration::max());
        pipe.write(" and half\n");
        auto const line = co_await out.read_line();
        BOOST_TEST(line.value() == "alf and half");
    });
}

BOOST_AUTO_TEST_CASE(a_time_limit_holds_though_data_never_stops)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        output_stream zeros(ex, ::open("/dev/zero", O_RDONLY | O_CLOEXEC));
        zeros.time_limit(5ms);
        error_code const ec = co_await error_of(zeros.read_all(1'000'000'000));
        BOOST_TEST(ec == asio::error::timed_out);
    });
}

BOOST_AUTO_TEST_CASE(no_byte_is_lost_when_data_and_time_limit_meet)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        constexpr std::size_t count = 4000;
        std::atomic<unsigned> timeouts = 0;
        counting_writer const writer(pipe, count, &timeouts);
        counting_checker checker;
        std::array<char, 3> buffer;
        for (unsigned i = 0;; ++i) {
            out.time_limit(std::chrono::microseconds(i % 20));
            try {
                std::size_t const size = co_await out.read_some(asio::buffer(buffer));
                if (size == 0)
                    break;
                checker.take(buffer.data(), size);
            } catch (boost::system::system_error const& e) {
                BOOST_REQUIRE(e.code() == asio::error::timed_out);
                ++timeouts;
            }
        }
        BOOST_TEST(checker.in_order());
        BOOST_TEST(checker.count() == count);
        BOOST_TEST(timeouts >= count / 100);
    });
}

BOOST_AUTO_TEST_CASE(no_byte_is_lost_when_data_and_cancellation_meet)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        constexpr std::size_t count = 2000;
        std::optional<counting_writer>
            writer; // from the second time on: the first read has to wait
        counting_checker checker;
        bool ended = false;
        unsigned cancelled = 0;
        while (!ended) {
            asio::cancellation_signal signal;
            bool finished = false;
            auto const read_once = [&]() -> asio::awaitable<void> {
                std::array<char, 5> buffer;
                std::size_t const size = co_await out.read_some(asio::buffer(buffer));
                checker.take(buffer.data(), size);
                ended = size == 0;
            };
            asio::co_spawn(ex, read_once,
                           asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                               finished = true;
                               cancelled += e ? 1u : 0u;
                           }));
            co_await asio::post(ex, asio::use_awaitable);
            signal.emit(asio::cancellation_type::terminal);
            while (!finished)
                co_await asio::post(ex, asio::use_awaitable);
            if (!writer)
                writer.emplace(pipe, count);
        }
        BOOST_TEST(checker.in_order());
        BOOST_TEST(checker.count() == count);
        BOOST_TEST(cancelled > 0u);
    });
}

BOOST_AUTO_TEST_CASE(no_byte_is_lost_in_a_group_with_a_timer)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        output_stream out = reader_of(ex, pipe);
        constexpr std::size_t count = 4000;
        counting_writer const writer(pipe, count);
        counting_checker checker;
        std::array<char, 5> buffer;
        asio::steady_timer timer(ex);
        error_code end;
        for (unsigned i = 0; end != asio::error::eof; ++i) {
            timer.expires_after(std::chrono::microseconds(i % 30));
            auto group = asio::experimental::make_parallel_group(
                out.async_read_some(asio::buffer(buffer), asio::deferred),
                timer.async_wait(asio::deferred));
            auto [order, read_error, size, timer_error] =
                co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
            end = read_error;
            if (!read_error)
                checker.take(buffer.data(), size);
        }
        BOOST_TEST(checker.in_order());
        BOOST_TEST(checker.count() == count);
    });
}

/// Between two turns nothing waits for the descriptor that could be cancelled there.
BOOST_AUTO_TEST_CASE(a_read_that_gives_way_can_be_cancelled)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        pipe.write(std::string(50'000, 'x'));
        output_stream out = reader_of(ex, pipe);
        bool over = false;
        bool cancelled = false;
        auto const reading = [&]() -> asio::awaitable<void> {
            char byte;
            for (int i = 0; i < 50'000; ++i) // there is always more to be had
                co_await out.read_some(asio::buffer(&byte, 1));
        };
        asio::co_spawn(ex, reading, [&](std::exception_ptr e) {
            over = true;
            cancelled = bool(e);
        });
        asio::post(ex, [&] { out.cancel(); });
        while (!over)
            co_await asio::post(ex, asio::use_awaitable);
        BOOST_TEST(cancelled);
    });
}

BOOST_AUTO_TEST_SUITE_END()
