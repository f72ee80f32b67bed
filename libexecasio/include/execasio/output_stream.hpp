#pragma once

#include "execasio/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace execasio {

namespace asio = boost::asio;

/// What a child writes: the reading end of its standard output or error.
///
/// Data is taken from the pipe only when somebody asks for it: a child that writes faster than it
/// is read waits in its own write(2), so nothing piles up here. No operation loses a byte: one that
/// is cancelled or runs into its time limit leaves what had arrived for the next one.
///
/// A handle: copies refer to the same stream. One read at a time.
///
/// @par Cancellation
/// All types; meaning `total`: nothing was taken. Reported as `asio::error::operation_aborted`.
/// @par Thread safety
/// Belongs to the executor (strand) it was made with.
class output_stream {
public:
    using executor_type = asio::any_io_executor;
    using clock = std::chrono::steady_clock;

    /// Default limits of `read_line` and `read_all`, in bytes.
    static constexpr std::size_t default_line_max = 1024 * 1024;
    static constexpr std::size_t default_limit = 64 * 1024 * 1024;

    /// A stream that is not open: every operation fails with `errc::not_piped`.
    output_stream() noexcept = default;

    /// Takes ownership of a descriptor that can be read and polled.
    /// @throws boost::system::system_error when it cannot be watched.
    output_stream(executor_type executor, int fd);

    /// One direction of a pseudo terminal's master, which it shares. Its end is when nobody has the
    /// other side open any more.
    explicit output_stream(std::shared_ptr<asio::posix::stream_descriptor> terminal);

    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] executor_type get_executor() const; ///< throws `errc::not_piped` if it has none

    /// Bounds each later read: when it is not complete after `limit` it fails with
    /// `asio::error::timed_out`. Counted on the steady clock; `clock::duration::max()` is no limit.
    output_stream& time_limit(clock::duration limit) noexcept;

    /// Reads what there is, at least one byte; waits if there is none.
    /// @param buffer Must stay valid until completion. 64 KiB is the size that pays.
    /// @return The number of bytes; 0 at the end of the stream (or for an empty buffer).
    [[nodiscard]] asio::awaitable<std::size_t> read_some(asio::mutable_buffer buffer);

    /// As above, with a deadline for this read alone in place of the time limit.
    [[nodiscard]] asio::awaitable<std::size_t> read_some(asio::mutable_buffer buffer,
                                                         clock::time_point deadline);

    /// Reads to the next '\n', which is not part of the result. A last line may lack it.
    /// @param max Longest line. A longer one is `errc::line_too_long`; it can then be read in parts
    ///     by `read_some`, or with a larger maximum.
    /// @return nullopt at the end of the stream.
    [[nodiscard]] asio::awaitable<std::optional<std::string>>
    read_line(std::size_t max = default_line_max);

    /// Reads to the end of the stream.
    /// @param limit Most bytes. More is `errc::output_too_long`; all of it can still be read.
    [[nodiscard]] asio::awaitable<std::string> read_all(std::size_t limit = default_limit);

    /// Completes when a read would not wait: there is data, or the end. Takes nothing.
    [[nodiscard]] asio::awaitable<void> wait_readable();

    /// What is there now, without waiting: for the time after the child's exit, when a descendant
    /// may hold the pipe open for ever.
    /// @param ec `asio::error::would_block` when there is nothing now; none at the end of the
    /// stream,
    ///     which is a result of 0.
    std::size_t try_read(asio::mutable_buffer buffer, error_code& ec);

    /// How many bytes lie in the pipe at this moment (FIONREAD), besides those read ahead by
    /// `read_line`. Of a terminal: as many as could be.
    [[nodiscard]] std::size_t available() const noexcept;

    /// How many bytes were read ahead by `read_line` and lie in this object, not in the pipe.
    [[nodiscard]] std::size_t buffered() const noexcept;

    /// How many bytes the pipe can hold (F_GETPIPE_SZ, fcntl(2)); 0 for what is no pipe.
    [[nodiscard]] std::size_t capacity() const noexcept;

    /// Whether any process has the other end open (poll(2), POLLHUP). If not, nothing can come any
    /// more but what the pipe holds now. False as well when this end is closed.
    [[nodiscard]] bool has_writer() const noexcept;

    /// Bytes taken from the pipe so far.
    [[nodiscard]] std::uint64_t total() const noexcept;

    /// As `read_some`, with any completion token and the conventions of Asio's AsyncReadStream (the
    /// end of the stream is `asio::error::eof`), for `asio::async_read_until` and its like.
    /// The time limit does not apply.
    template <class MutableBuffers, asio::completion_token_for<void(error_code, std::size_t)> Token>
    auto async_read_some(MutableBuffers const& buffers, Token&& token);

    /// Makes pending operations fail with `asio::error::operation_aborted`; the stream stays open.
    void cancel() noexcept;

    /// Gives up reading: a child that goes on writing gets SIGPIPE or EPIPE. Pending operations
    /// fail with `asio::error::operation_aborted`.
    void close() noexcept;

    [[nodiscard]] int native_handle() const noexcept; ///< -1 when closed

private:
    friend struct output_stream_access;
    struct impl;
    struct read_operation;

    [[nodiscard]] bool has_read_ahead() const noexcept;
    asio::posix::stream_descriptor& descriptor() const;
    [[nodiscard]] bool meant_for_other(error_code ec, unsigned cancellations) const noexcept;
    [[nodiscard]] unsigned cancellations() const noexcept;

    std::shared_ptr<impl> impl_;
};

struct output_stream::read_operation {
    read_operation(output_stream s, asio::mutable_buffer t) : stream(std::move(s)), target(t) {}

    output_stream stream;
    asio::mutable_buffer target;
    unsigned cancellations = 0;
    bool waiting = false;

    template <class Self>
    void operator()(Self& self, error_code ec = {})
    {
        std::size_t size = 0;
        if (std::exchange(waiting, true)) {
            if (!ec && target.size() != 0) {
                size = stream.try_read(target, ec);
                if (!ec && size == 0)
                    ec = asio::error::eof;
            }
            bool const again = ec == asio::error::would_block ||
                               (self.cancelled() == asio::cancellation_type::none &&
                                stream.meant_for_other(ec, cancellations));
            if (!again) {
                self.complete(ec, size);
                return;
            }
        }
        cancellations = stream.cancellations();
        self.reset_cancellation_state(asio::enable_total_cancellation());
        if (target.size() == 0 || stream.has_read_ahead() || !stream.is_open())
            asio::post(stream.get_executor(), std::move(self));
        else
            stream.descriptor().async_wait(asio::posix::descriptor_base::wait_read,
                                           std::move(self));
    }
};

template <class MutableBuffers, asio::completion_token_for<void(error_code, std::size_t)> Token>
auto output_stream::async_read_some(MutableBuffers const& buffers, Token&& token)
{
    asio::mutable_buffer target;
    for (auto it = asio::buffer_sequence_begin(buffers);
         it != asio::buffer_sequence_end(buffers) && target.size() == 0; ++it)
        target = *it;
    return asio::async_compose<Token, void(error_code, std::size_t)>(read_operation(*this, target),
                                                                     token, get_executor());
}

} // namespace execasio
