#pragma once

#include "execasio/stop_result.hpp"
#include "linux/process_table.hpp"
#include "linux/unique_fd.hpp"

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace execasio::sys {

/// A process that was found by its number: the pidfd was opened first and the process looked at
/// again then, so it names that process and no later bearer of the number. Without a pidfd where
/// the kernel has none.
struct held_process {
    process_entry entry;
    unique_fd pidfd;

    /// Whether it has not ended. (Only looked at by its pidfd.)
    [[nodiscard]] bool living() const noexcept;

    /// @return 0 or an errno.
    int signal(int number) const noexcept;

    /// Signals it as a stop plan does: see continue_after.hpp.
    int signal_and_continue(int number) const noexcept;
};

/// Opens a pidfd for a process in a table; false when the number has changed hands since.
/// @throws boost::system::system_error for want of descriptors or memory.
bool hold(process_entry const& e, held_process& into);

/// Throws if the last system call failed for want of descriptors or memory.
void throw_shortage(char const* what);

/// Reads a table. Without /proc it is empty.
/// @throws boost::system::system_error for want of descriptors or memory.
void read_all(process_table& table);

/// Some processes that are to end together, beside the one that was started: a group or a tree.
/// This process itself is never one of them.
class process_set {
public:
    process_set() = default;
    process_set(process_set const&) = delete;
    process_set& operator=(process_set const&) = delete;
    virtual ~process_set() = default;

    [[nodiscard]] virtual stop_mechanism mechanism() const noexcept = 0;

    /// What was seen at one look.
    struct look {
        std::size_t living = 0;         ///< members that have not ended
        std::vector<held_process> held; ///< some of them at least: their ends can be awaited
    };

    /// Whether a signal reaches all members in one step, those included that no look has seen.
    [[nodiscard]] virtual bool signals_as_whole() const noexcept { return false; }

    /// Looks for living members. Throws when it cannot look for want of descriptors or memory.
    virtual look find() = 0;

    /// Sends a signal to all, as `signal_and_continue` does to one.
    /// Throws as `find`; some may have been sent it then.
    /// @param child_included Set when it has reached `child`, which need not be signalled apart.
    virtual void signal(int number, pid_t child, bool& child_included) = 0;

    /// Sends a signal to those living members of a look that have not been sent any by number yet.
    /// @return False when there is none that may be signalled at all.
    bool signal_rest(look const& seen, int number);

    /// Certain to have no member: a cheap look, which may not be able to tell.
    [[nodiscard]] virtual bool surely_empty() noexcept { return false; }

    /// Whether that would say so as soon as there is none.
    [[nodiscard]] virtual bool knows_when_empty() const noexcept { return false; }

    /// The process itself has ended and is about to be reaped: the last moment in which its number
    /// is certain to be its own.
    virtual void before_reap() {}

    /// Reaps members that have become this program's children and have ended.
    virtual void reap() noexcept {}

    /// A descriptor that reports an exceptional condition when members may have gone; -1: none.
    [[nodiscard]] virtual int event() noexcept { return -1; }

    /// How many different processes have been signalled by number.
    [[nodiscard]] std::size_t signalled() const noexcept { return signalled_.size(); }

protected:
    /// So many ends are awaited at a time: descriptors are scarce. Those left are found again
    /// later.
    static constexpr std::size_t most_held = 64;

    /// Adds a living member. One that cannot be held is counted.
    /// @return False when its number has changed hands.
    static bool add(process_entry const& e, look& seen);

    /// Notes a process that is sent a signal. @return False when it was noted already.
    bool note(process_entry const& e);

private:
    std::set<std::pair<pid_t, std::uint64_t>> signalled_;
};

} // namespace execasio::sys
