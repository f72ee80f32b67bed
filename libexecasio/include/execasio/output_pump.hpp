#pragma once

#include "execasio/error.hpp"
#include "execasio/output_stream.hpp"

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>

namespace execasio {

/// Hands what a stream carries to a function, as it comes, and no more than it has credit for.
///
/// For those who work with callbacks, or pass the data on to somebody who says how much more he can
/// take: without credit nothing is read, so the child waits in its own write(2) and nothing piles
/// up here. A paused pump, or one without credit, does not keep the event loop running.
///
/// @par Thread safety
/// Belongs to the executor (strand) of the stream.
class output_pump {
public:
    /// Credit that is never used up.
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    /// Called on the executor. May call the pump, and destroy it. What it throws comes out of the
    /// event loop, as of any handler; the pump has stopped then.
    using data_handler = std::function<void(std::string_view data)>;

    /// Called once: without an error at the end of the stream. It takes credit (one byte) and a
    /// pump that is not paused to see the end.
    using end_handler = std::function<void(error_code ec)>;

    output_pump() noexcept = default;

    /// Begins at once; no handler is called before the constructor has returned.
    /// @param stream Nobody else should read it.
    /// @param credit Bytes that may be taken.
    output_pump(output_stream stream, data_handler on_data, end_handler on_end = {},
                std::size_t credit = unlimited);
    output_pump(output_pump&&) noexcept = default;
    output_pump& operator=(output_pump&& other) noexcept;
    ~output_pump(); ///< as `stop`

    /// Adds credit: the consumer has dealt with so many bytes, or has room for them.
    void grant(std::size_t bytes);
    [[nodiscard]] std::size_t credit() const noexcept; ///< what is left of it

    void pause() noexcept; ///< takes nothing from now on; keeps its credit
    void resume();
    [[nodiscard]] bool paused() const noexcept;

    /// No handler is called any more. The stream stays open, and nothing of it is lost.
    void stop() noexcept;

private:
    struct impl;

    std::shared_ptr<impl> impl_;
};

} // namespace execasio
