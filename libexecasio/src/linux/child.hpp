#pragma once

#include "execasio/error.hpp"
#include "linux/guard_slot.hpp"
#include "linux/identity_steps.hpp"
#include "linux/limit_steps.hpp"

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace execasio::sys {

/// One descriptor of the child: number `to` becomes what the parent's `from` is.
struct descriptor_move {
    static constexpr int closed = -1;
    static constexpr int null = -2; ///< /dev/null, opened by the child itself
    static constexpr int kept = -3; ///< what it is, and not close-on-exec: nothing to be done

    int from;
    int to;
};

/// A file that the child opens by itself, as the user that it has become.
struct file_to_open {
    char const* path;
    int flags; ///< for open(2), as is `mode`
    mode_t mode;
    int to;       ///< its number
    int also;     ///< another number for the same open file; -1: none
    stage failed; ///< what to report
};

/// What the child tells the parent: through the memory that they share, or by `report_fd`.
struct child_report {
    /// In place of an errno: all steps succeeded, but what was read back is not what was asked for.
    static constexpr int not_verified = -1;
    static constexpr int no_detail = -1;

    stage where = stage::none;  ///< the step begun last; `exec` when all went well
    int error = 0;              ///< errno of the step that failed
    int detail = no_detail;     ///< which limit, or the number of the capability
    bool table_refused = false; ///< the descriptor table could not be unshared: nothing was done
};

/// Everything the child needs between its birth and execve, prepared by the parent: plain data,
/// so that the child has nothing to allocate, look up or lock.
struct child_plan {
    descriptor_move const* moves = nullptr; ///< sorted by `to`, which always covers 0 to 2
    std::size_t move_count = 0;
    file_to_open const* files = nullptr; ///< their numbers are closed until then
    std::size_t file_count = 0;
    unsigned shared_below = 0; ///< not 0: the table is shared with the parent, copy only below this

    bool new_session = false;
    int terminal = -1; ///< a terminal to take control of, as the leader of the new session
    bool set_group = false;
    pid_t group = 0;
    char const* directory = nullptr;
    bool set_umask = false;
    mode_t umask = 0;
    bool set_nice = false;
    int nice = 0;
    limits_plan const* limits = nullptr;
    identity_plan const* identity = nullptr; ///< only with a memory of the child's own
    bool drop_capabilities = false;          ///< all that the identity has left
    bool no_new_privileges = false;
    int death_signal = 0; ///< PR_SET_PDEATHSIG
    pid_t parent = 0;     ///< whose death that is about
    bool keep_ignored = false;
    std::uint64_t reset_signals = ~std::uint64_t{0}; ///< to their default
    std::uint64_t signal_mask = 0;                   ///< as the kernel sees it: bit n-1 is signal n

    guard_slot* guard = nullptr; ///< where the child makes itself known to the guardian
    int cgroup = -1;             ///< the directory of a cgroup to be born into

    int (*hook)(void*) noexcept = nullptr; ///< returns 0 or an errno
    void* hook_context = nullptr;

    char const* file = nullptr;
    char* const* argv = nullptr;
    char* const* envp = nullptr;

    child_report report;

    /// Not -1: the child has a memory of its own, and reports by this pipe. Above all targets of
    /// `moves`, and close-on-exec: its end says that exec was reached.
    int report_fd = -1;
};

/// The child's side of a launch: takes the steps in their fixed order and executes the program.
/// Returns (127) only when a step failed, with `report` filled in. Async-signal-safe; runs in the
/// parent's memory or a copy of it, on a stack of its own, with all signals blocked.
int child_main(void* context) noexcept;

} // namespace execasio::sys
