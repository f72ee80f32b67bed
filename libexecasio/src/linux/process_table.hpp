#pragma once

#include "linux/process_entry.hpp"

#include <cstddef>

#include <sys/types.h>

namespace execasio::sys {

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
    /// @return False when it cannot be read; with `is_shortage(errno)` it may be another time.
    bool read() noexcept;

    [[nodiscard]] process_entry* begin() noexcept { return entries_; }
    [[nodiscard]] process_entry* end() noexcept { return entries_ + size_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// nullptr when there is no such process.
    [[nodiscard]] process_entry* find(pid_t pid) noexcept;

    /// Whether a process is meant, or one that it descends from by parents that live.
    template <class Predicate>
    [[nodiscard]] bool is_of(process_entry const& e, Predicate is_meant) noexcept
    {
        // No further than there are processes: entries of different moments could form a ring.
        process_entry const* at = &e;
        for (std::size_t steps = 0; at && steps < size_; ++steps, at = find(at->parent))
            if (is_meant(*at))
                return true;
        return false;
    }

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

} // namespace execasio::sys
