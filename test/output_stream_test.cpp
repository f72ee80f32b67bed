#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/output_stream.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/ioctl.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::output_stream;
using execasio::process;
using execasio::stream;
using test::error_of;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::scaled;

namespace {

output_stream reader_of(asio::any_io_executor executor, pipe_ends& pipe)
{
    return output_stream(executor, pipe.release_reader());
}

/// Writes bytes that count up, one at a time, as fast as the pipe takes them; then closes it.
class counting_writer {
public:
    counting_writer(pipe_ends& pipe, std::size_t count)
        : thread_([fd = pipe.release_writer(), count] {
              for (std::size_t i = 0; i < count; ++i) {
                  // Now and then only when the reader has taken all: then it is about to wait.
                  int left = i % 8 == 0 ? 1 : 0;
                  while (left != 0 && ::ioctl(fd, FIONREAD, &left) == 0)
                      std::this_thread::yield();
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
    ~counting_writer() { thread_.join(); }

private:
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
        command cmd = puppet("print", "one ", "say", "begins", "print", "and ", "await", "say",
                             "ends", "print", "last");
        cmd.input(stream::pipe).output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
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
        command cmd = puppet("write", "700000", "say", "", "say", "next");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        auto line = co_await p.output().read_line();
        BOOST_TEST((line.value() == std::string(700000, 'x')));
        line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "next");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(more_output_than_the_limit_is_an_error_that_loses_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("say", "head", "write", "300000");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
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
        constexpr std::size_t count = 20000;
        counting_writer const writer(pipe, count);
        counting_checker checker;
        std::array<char, 3> buffer;
        unsigned timeouts = 0;
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
        BOOST_TEST(timeouts > 0u);
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
        constexpr std::size_t count = 20000;
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

BOOST_AUTO_TEST_CASE(a_child_that_nobody_reads_waits_and_costs_no_memory)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("write-forever");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        std::vector<char> buffer(64 * 1024);
        for (std::size_t read = 0; read < 8 * 1024 * 1024;)
            read += co_await p.output().read_some(asio::buffer(buffer));
        std::size_t const memory = test::own_memory();
        std::size_t before = 0;
        co_await test::until([&] { // asleep, and the pipe has stopped growing
            std::size_t const now = p.output().available();
            bool const stalled = test::is_in_state(p.id(), 'S') && now == before && now != 0;
            before = now;
            return stalled;
        });
        BOOST_TEST(before <= 1024u * 1024u);
        BOOST_TEST(p.output().total() < 10u * 1024u * 1024u);
        BOOST_TEST(test::own_memory() <= memory + 4 * 1024 * 1024);
        p.output().close();
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGPIPE);
    });
}

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
        command cmd = puppet("write-forever");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        for (int i = 0; i < 20; ++i) { // whatever it is about at the moment of the close
            output_stream out = p.output();
            if (i != 0) {
                p = execasio::spawn(ex, cmd);
                out = p.output();
            }
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
            asio::co_spawn(ex, read, [](std::exception_ptr e) { BOOST_TEST(!e); });
            for (int turn = 0; turn <= i; ++turn)
                co_await asio::post(ex, asio::use_awaitable);
            out.close();
            co_await test::until([&] { return bool(ended); });
            BOOST_TEST(ended == asio::error::operation_aborted);
        }
    });
}

BOOST_AUTO_TEST_CASE(asios_own_algorithms_read_it)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("say", "first", "say", "second", "print", "rest");
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
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

BOOST_AUTO_TEST_CASE(a_stream_that_never_runs_dry_leaves_a_timer_its_turns)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        output_stream zeros(ex, ::open("/dev/zero", O_RDONLY | O_CLOEXEC));
        unsigned ticks = 0;
        auto const tick = [&]() -> asio::awaitable<void> {
            asio::steady_timer timer(ex);
            for (; ticks < 20; ++ticks) {
                timer.expires_after(1ms);
                co_await timer.async_wait(asio::use_awaitable);
            }
        };
        asio::co_spawn(ex, tick, [](std::exception_ptr e) { BOOST_TEST(!e); });
        std::vector<char> buffer(64 * 1024);
        constexpr std::uint64_t give_up = 8ULL * 1024 * 1024 * 1024; // a starved timer never comes
        while (ticks < 20 && zeros.total() < give_up)
            co_await zeros.read_some(asio::buffer(buffer));
        BOOST_TEST(ticks == 20u);
        co_await test::until([&] { return ticks == 20; });
    });
}

BOOST_AUTO_TEST_CASE(a_hundred_megabytes_come_back_as_they_went)
{
    run_coroutine(
        []() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            constexpr std::size_t total = 100 * 1024 * 1024;
            // A prime length, so that a piece in the wrong place shows.
            std::vector<char> pattern(65521);
            unsigned random = 1;
            for (char& c : pattern)
                c = static_cast<char>((random = random * 1103515245 + 12345) >> 16);
            command cmd = puppet("cat");
            cmd.input(stream::pipe).output(stream::pipe);
            process p = execasio::spawn(ex, cmd);
            auto const write = [&]() -> asio::awaitable<void> {
                for (std::size_t done = 0; done < total;) {
                    std::size_t const size = std::min(pattern.size(), total - done);
                    co_await p.input().write(asio::buffer(pattern, size));
                    done += size;
                }
                co_await p.input().finish();
            };
            asio::co_spawn(ex, write, [](std::exception_ptr e) { BOOST_TEST(!e); });
            std::vector<char> buffer(64 * 1024);
            std::size_t done = 0;
            bool equal = true;
            for (;;) {
                std::size_t const size = co_await p.output().read_some(asio::buffer(buffer));
                if (size == 0)
                    break;
                for (std::size_t at = 0; at < size;) {
                    std::size_t const offset = (done + at) % pattern.size();
                    std::size_t const part = std::min(size - at, pattern.size() - offset);
                    equal = equal &&
                            std::memcmp(buffer.data() + at, pattern.data() + offset, part) == 0;
                    at += part;
                }
                done += size;
            }
            BOOST_TEST(done == total);
            BOOST_TEST(equal);
            BOOST_TEST(p.output().total() == total);
            BOOST_TEST(p.input().total() == total);
            co_await p.wait();
        },
        60s);
}

BOOST_AUTO_TEST_CASE(lines_at_full_speed_keep_their_order)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        constexpr std::size_t count = 200000;
        command cmd = puppet("lines", std::to_string(count));
        cmd.output(stream::pipe);
        process p = execasio::spawn(ex, cmd);
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
