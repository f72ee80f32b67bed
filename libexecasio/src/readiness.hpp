#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <chrono>

namespace execasio::detail {

namespace asio = boost::asio;

/// Waits until a descriptor can be read or written. Takes nothing from it, so that a time limit or
/// a cancellation cannot lose data: `timer || async_read_some` can.
/// @throws boost::system::system_error timed_out, operation_aborted (cancelled, or closed).
asio::awaitable<void> wait_ready(asio::posix::stream_descriptor& fd,
                                 asio::posix::descriptor_base::wait_type what,
                                 std::chrono::steady_clock::time_point deadline);

/// The deadline that a limit counted from now gives; max() for "none".
std::chrono::steady_clock::time_point
deadline_after(std::chrono::steady_clock::duration limit) noexcept;

/// As above, for a time so long that it does not fit into the clock's own duration.
inline std::chrono::steady_clock::time_point
deadline_after(std::chrono::milliseconds limit) noexcept
{
    using duration = std::chrono::steady_clock::duration;
    constexpr auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(duration::max());
    return deadline_after(limit < longest ? duration(std::max(limit, -longest)) : duration::max());
}

/// As above, counted from some other moment.
inline std::chrono::steady_clock::time_point
deadline_after(std::chrono::steady_clock::time_point begin,
               std::chrono::milliseconds limit) noexcept
{
    using time_point = std::chrono::steady_clock::time_point;
    auto const left = std::chrono::floor<std::chrono::milliseconds>(time_point::max() - begin);
    return limit < left ? begin + limit : time_point::max();
}

/// Counts work done without going through the event loop, and its time, which is mostly the
/// caller's, so that one busy stream cannot keep all others waiting.
class fairness {
public:
    static constexpr unsigned max_operations = 16;
    static constexpr std::size_t max_bytes = 1024 * 1024;
    static constexpr unsigned max_lines = 1024;
    static constexpr std::chrono::milliseconds max_time{1};

    void count(std::size_t bytes) noexcept
    {
        ++operations_;
        bytes_ += bytes;
        look_at_time();
    }
    void count_line() noexcept
    {
        constexpr unsigned lines_between_looks = 16; // one takes little longer than a look
        if (++lines_ % lines_between_looks == 0)
            look_at_time();
    }
    /// Whether the loop should get its turn now.
    [[nodiscard]] bool spent() const noexcept
    {
        return operations_ >= max_operations || bytes_ >= max_bytes || lines_ >= max_lines ||
               out_of_time_;
    }
    void reset() noexcept { *this = fairness(); }

private:
    void look_at_time() noexcept
    {
        auto const now = std::chrono::steady_clock::now();
        if (begin_ == std::chrono::steady_clock::time_point())
            begin_ = now;
        else
            out_of_time_ = now - begin_ >= max_time;
    }

    std::chrono::steady_clock::time_point begin_; // of the first look
    std::size_t bytes_ = 0;
    unsigned operations_ = 0;
    unsigned lines_ = 0;
    bool out_of_time_ = false;
};

} // namespace execasio::detail
