#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <poll.h>

namespace execasio::sys {

/// Blocks until a descriptor has one of the events, also while signals are caught, as a profiler's
/// many. @return False at the deadline, or when poll(2) fails.
inline bool poll_until(pollfd p, std::chrono::steady_clock::time_point deadline) noexcept
{
    constexpr std::chrono::milliseconds longest{60'000}; // in one go; what poll takes is an int
    for (;;) {
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        auto const pause = std::clamp(left, left.zero(), longest);
        int const result = ::poll(&p, 1, static_cast<int>(pause.count()));
        if (result > 0)
            return true;
        if (result < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (result == 0 && left <= longest)
            return false;
    }
}

} // namespace execasio::sys
