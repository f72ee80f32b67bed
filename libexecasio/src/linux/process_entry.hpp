#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace execasio::sys {

/// One process as /proc/PID/stat shows it (proc(5)).
struct process_entry {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    std::uint64_t start = 0; ///< in clock ticks since boot: with the pid it names one process
    char state = '?';
    bool living = false;   ///< false for a zombie; one whose other threads go on is none
    bool executed = false; ///< any program since it was born (PF_FORKNOEXEC is not set)
    int exit_code = 0;   ///< of a zombie, as a wait status; 0 for those who might not trace it, too
    bool marked = false; ///< free for the user of the table; false when it was read
    bool tried = false;  ///< as above
};

/// "/proc/PID" and what follows, without the formatting functions, which may lock or allocate.
/// @param path Takes 20 characters more than `rest` has.
void proc_path(pid_t pid, char const* rest, char* path) noexcept;

/// Whether an errno says that something could not be looked at, for want of descriptors or memory:
/// no answer to the question whether it is there.
constexpr bool is_shortage(int error) noexcept
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/// Reads one process. False when there is none of that number, or with `is_shortage(errno)`.
bool read_process(pid_t pid, process_entry& into) noexcept;

/// Whether the number still means that process. False also with `is_shortage(errno)`.
bool is_same_process(process_entry const& known) noexcept;

/// A number in decimal at the text's beginning, which is moved behind it; 0 when there is none.
std::uint64_t parse_number(char const*& at) noexcept;

/// The text of a small file in /proc, NUL terminated. @return Its length; 0 when there is none, or
/// with `is_shortage(errno)`.
std::size_t read_small_file(char const* path, char* text, std::size_t size) noexcept;

} // namespace execasio::sys
