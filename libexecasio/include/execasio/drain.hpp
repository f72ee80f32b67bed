#pragma once

#include "execasio/output_stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace execasio {

/// How long a child's output is awaited once the child itself has ended.
///
/// The exit and the end of the output are two events: a descendant that inherited the pipe may hold
/// it open for ever. A value.
class drain_policy {
public:
    using duration = std::chrono::milliseconds;

    /// To the end of the stream, however long a descendant has it open.
    static drain_policy to_end() noexcept { return {true, duration::max()}; }

    /// So long, and then what the pipe holds at that moment. Negative times count as zero.
    static drain_policy for_time(duration time) noexcept;

    /// What the pipe holds now, without waiting: all that was written before the exit, and maybe
    /// some of what a descendant has written since.
    static drain_policy available() noexcept { return {true, duration::zero()}; }

    /// Nothing: what has not been read by now is dropped.
    static drain_policy none() noexcept { return {false, duration::zero()}; }

    [[nodiscard]] bool takes_rest() const noexcept { return takes_rest_; } ///< all but `none`
    [[nodiscard]] duration time() const noexcept { return time_; }         ///< max() is no limit

private:
    drain_policy(bool takes_rest, duration time) noexcept : takes_rest_(takes_rest), time_(time) {}

    bool takes_rest_;
    duration time_;
};

/// What was taken from a stream.
struct captured {
    std::string text;        ///< the first bytes, up to the limit
    std::uint64_t total = 0; ///< how many there were in all
    bool held = false;       ///< a descendant still had it open: there may have been more to come

    [[nodiscard]] bool truncated() const noexcept { return total > text.size(); }
};

/// Takes the rest of a stream, as the policy says: to be called when the process has ended. The
/// stream stays open: closing it gives a descendant that goes on writing SIGPIPE.
///
/// @param stream Nobody else should read it meanwhile. One that is not open gives nothing.
/// @param limit Most bytes kept. What exceeds it is read and dropped.
/// @throws boost::system::system_error What read(2) reports.
/// @par Cancellation
/// All types: `asio::error::operation_aborted`. What was read up to then is lost.
[[nodiscard]] asio::awaitable<captured> drain(output_stream stream, drain_policy policy,
                                              std::size_t limit = output_stream::default_limit);

} // namespace execasio
