#pragma once

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
    bool living = false; ///< false for a zombie; one whose other threads go on is none
    bool marked = false; ///< free for the user of the table; false when it was read
    bool tried = false;  ///< as above
};

/// "/proc/PID" and what follows, without the formatting functions, which may lock or allocate.
/// @param path Takes 20 characters more than `rest` has.
void proc_path(pid_t pid, char const* rest, char* path) noexcept;

/// Reads one process. False when there is none of that number.
bool read_process(pid_t pid, process_entry& into) noexcept;

/// Whether the number still means that process.
bool is_same_process(process_entry const& known) noexcept;

/// Whether a process that was sent SIGSTOP may go on to start others.
enum class motion {
    none,    ///< it is stopped, or may not be signalled by us: no use in waiting
    unknown, ///< in the kernel, or a zombie with living threads: it may stay so for long, as the
             ///< parent in a vfork(2) does whose child was stopped
    some,
};
motion motion_of(process_entry const& e) noexcept;

/// Tells when a family that is being stopped stands still. The signal is no more than a request,
/// and a fork that is under way goes on; a walk that sees its parent stopped may have missed the
/// child. So it takes more than one look that finds nothing new.
class standstill {
public:
    /// What one look has found. @param most The most that any member moves.
    bool reached(bool newcomers, motion most) noexcept;

private:
    int calm_ = 0; // looks
};

/// All processes at one moment, as far as /proc can show one. Works without the heap and without
/// exceptions, since the guardian may have to run in a copy of a program with many threads.
class process_table {
public:
    process_table() noexcept = default;
    process_table(process_table const&) = delete;
    process_table& operator=(process_table const&) = delete;
    ~process_table();

    /// Reads /proc anew; zombies as well. In ascending order of the process ids.
    /// @return False when it cannot be read, or for want of memory.
    bool read() noexcept;

    [[nodiscard]] process_entry* begin() noexcept { return entries_; }
    [[nodiscard]] process_entry* end() noexcept { return entries_ + size_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// nullptr when there is no such process.
    [[nodiscard]] process_entry* find(pid_t pid) noexcept;

    /// Marks what descends from marked processes: their children, and the members of the groups and
    /// sessions that they lead; again and again, until nothing more is found.
    /// @param spared Is not marked, whatever it belongs to (0: nobody), nor what it started.
    void mark_descendants(pid_t spared) noexcept;

private:
    [[nodiscard]] bool grow() noexcept;
    [[nodiscard]] bool is_marked(pid_t pid) noexcept;

    process_entry* entries_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// The text of a small file in /proc, NUL terminated. @return Its length; 0 when there is none.
std::size_t read_small_file(char const* path, char* text, std::size_t size) noexcept;

} // namespace execasio::sys
