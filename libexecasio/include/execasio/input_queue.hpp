#pragma once

#include "execasio/input_stream.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace execasio {

/// A bounded queue in front of a child's standard input, for those who cannot wait for the child:
/// `push` never blocks, and what the pipe does not take now is written in the background, in order.
/// Those who can wait use `send`, which keeps the queue near its high-water mark.
///
/// A child that has closed its standard input ends the queue quietly: what it holds is dropped, and
/// so is what comes later. Destruction lets the background finish; `close` does not.
///
/// @par Thread safety
/// Belongs to the executor (strand) of the stream.
class input_queue {
public:
    /// Default of the most bytes that the queue holds.
    static constexpr std::size_t default_max = 64 * 1024 * 1024;
    /// Default of the size above which `send` waits.
    static constexpr std::size_t default_high_water_mark = 1024 * 1024;

    input_queue() noexcept = default;

    /// @param stream Nobody else should write to it.
    explicit input_queue(input_stream stream, std::size_t max = default_max);

    /// Takes data over, to be written after all that came before.
    /// @return `errc::input_queue_full` when it would hold more than its maximum: nothing was
    /// taken.
    ///     `errc::not_piped` after `finish` or `close`, or when the child has closed its input.
    /// @throws std::bad_alloc nothing was taken, or all and the next call begins to write; where
    ///     neither can be, since a part was written, the child's input is closed.
    error_code push(std::string data);

    /// As `push`, but waits first as long as the queue is above its high-water mark, or has no room
    /// for the data. In the order in which it was called; a `push` does not wait for its turn.
    /// @throws boost::system::system_error what `push` returns; data larger than the maximum is
    ///     `errc::input_queue_full` at once.
    /// @par Cancellation
    /// All types; meaning `total`: nothing was taken.
    [[nodiscard]] asio::awaitable<void> send(std::string data);

    /// The size above which `send` waits and `is_high` tells a producer to pause.
    void high_water_mark(std::size_t bytes) noexcept;
    [[nodiscard]] std::size_t high_water_mark() const noexcept;
    [[nodiscard]] bool is_high() const noexcept; ///< it holds more than the mark

    /// Closes the child's input when all that was pushed is written.
    void finish();

    /// Closes the child's input at once and drops what is queued.
    void close() noexcept;

    [[nodiscard]] bool is_open() const noexcept;     ///< whether `push` can succeed
    [[nodiscard]] std::size_t size() const noexcept; ///< bytes that wait
    [[nodiscard]] std::size_t max() const noexcept;  ///< most bytes that it holds

    /// Completes when the queue holds at most `mark` bytes, or will not write any more.
    [[nodiscard]] asio::awaitable<void> wait_below(std::size_t mark = 0);

    /// The same for a time.
    /// @return Whether that was so before the deadline.
    [[nodiscard]] asio::awaitable<bool> wait_below(std::size_t mark,
                                                   std::chrono::steady_clock::time_point deadline);

private:
    struct impl;

    std::shared_ptr<impl> impl_;
};

} // namespace execasio
