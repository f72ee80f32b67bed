#pragma once

#include <optional>
#include <vector>

#include <sys/types.h>

namespace execasio::sys {

/// What /proc/PID/stat says of a process (proc(5)); only what is asked for here.
struct process_stat {
    char state = '?'; ///< T: stopped by a signal; Z: ended, not reaped
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    bool executed = false; ///< any program since it was born (PF_FORKNOEXEC is not set)
    int exit_code = 0;     ///< as a wait status; 0 unless we may trace it
};

/// nullopt when there is no such process, or no /proc. What is read is of whoever has the number at
/// that moment: the caller must know that it cannot have been given away.
std::optional<process_stat> read_stat(pid_t pid) noexcept;

/// The status of a process that has ended and not been reaped; nullopt when it may not be known:
/// the kernel shows it to those who might trace the process.
std::optional<int> zombie_exit_code(pid_t pid);

/// The processes of a group, without those that have ended. Empty when /proc cannot be read.
std::vector<pid_t> group_members(pid_t group);

} // namespace execasio::sys
