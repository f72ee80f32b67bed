#pragma once

#include <chrono>
#include <optional>

#include <sys/types.h>

namespace execasio::sys {

/// CPU time that a process has used, all its threads together (clock_getcpuclockid(3)); of
/// anybody's process, without any permission. nullopt when there is none of that id. Read of
/// whoever has the number at that moment: the caller must know that it cannot have been given away.
std::optional<std::chrono::nanoseconds> process_cpu_time(pid_t pid) noexcept;

/// How many CPUs there are for one process to use at the same time.
unsigned cpu_count() noexcept;

} // namespace execasio::sys
