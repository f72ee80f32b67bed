#include "linux/cpu_clock.hpp"

#include <algorithm>
#include <thread>

#include <time.h>

namespace execasio::sys {

std::optional<std::chrono::nanoseconds> process_cpu_time(pid_t pid) noexcept
{
    clockid_t clock;
    timespec t{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &t) != 0)
        return std::nullopt;
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

unsigned cpu_count() noexcept
{
    // Looked up once: a container may be given more later, which costs precision, nothing else.
    static unsigned const count = std::max(1U, std::thread::hardware_concurrency());
    return count;
}

} // namespace execasio::sys
