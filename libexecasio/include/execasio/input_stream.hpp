#pragma once

#include "execasio/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace execasio {

namespace asio = boost::asio;

/// What a child reads: the writing end of its standard input.
///
/// Writes take effect in the order in which they were begun, each as a whole. A child that has
/// closed its standard input is an error of the write (EPIPE, `asio::error::broken_pipe`), never a
/// SIGPIPE for this program, whatever its disposition of that signal.
///
/// A handle: copies refer to the same stream. Any number of writes at a time.
///
/// @par Thread safety
/// Belongs to the executor (strand) it was made with.
class input_stream {
public:
    using executor_type = asio::any_io_executor;
    using clock = std::chrono::steady_clock;

    /// A stream that is not open: every operation fails with `errc::not_piped`.
    input_stream() noexcept = default;

    /// Takes ownership of a descriptor that can be written and polled.
    /// @throws boost::system::system_error when it cannot be watched.
    input_stream(executor_type executor, int fd);

    /// One direction of a pseudo terminal's master, which it shares.
    explicit input_stream(std::shared_ptr<asio::posix::stream_descriptor> terminal);

    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] executor_type get_executor() const; ///< throws `errc::not_piped` if it has none

    /// Bounds each later write, its turn included: `asio::error::timed_out`. What had been written
    /// by then is written.
    input_stream& time_limit(clock::duration limit) noexcept;

    /// Writes all of the buffer.
    /// @param buffer Must stay valid until completion.
    /// @throws boost::system::system_error EPIPE (the stream is closed then), or
    ///     `asio::error::operation_aborted`.
    /// @par Cancellation
    /// All types; meaning `partial`: some of the buffer may be written, and the next write follows.
    [[nodiscard]] asio::awaitable<void> write(asio::const_buffer buffer);

    /// Closes when the writes begun before are done: the child then reads the end of its input. On
    /// a terminal that is its VEOF character, in canonical mode (termios(3)); the terminal stays.
    [[nodiscard]] asio::awaitable<void> finish();

    /// Writes what fits now, without waiting, unless other writes are under way.
    /// @return The number of bytes; fewer than the buffer's (and no error) when the pipe is full.
    std::size_t try_write(asio::const_buffer buffer, error_code& ec);

    /// Bytes given to the pipe so far.
    [[nodiscard]] std::uint64_t total() const noexcept;

    /// How many bytes the pipe can hold, and how many wait in it for the child (pipe(7)); 0 for a
    /// terminal.
    [[nodiscard]] std::size_t capacity() const noexcept;
    [[nodiscard]] std::size_t unread() const noexcept;

    /// Closes at once: pending writes fail with `asio::error::operation_aborted`.
    void close() noexcept;

    [[nodiscard]] int native_handle() const noexcept; ///< -1 when closed

private:
    struct impl;

    std::shared_ptr<impl> impl_;
};

} // namespace execasio
