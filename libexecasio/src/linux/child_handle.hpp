#pragma once

#include "linux/guard_table.hpp"
#include "linux/own_children.hpp"
#include "linux/unique_fd.hpp"

#include <optional>

#include <sys/resource.h>
#include <sys/types.h>

namespace execasio::sys {

/// What a look at a process found.
enum class wait_outcome {
    running, ///< still there; also while a tracer holds the zombie
    ended,
    lost, ///< no longer our child: reaped by other code, or SIGCHLD is ignored
};

/// Names one child of this process until it is reaped: by pidfd where there is one, else by pid.
/// Or a foreign process, the child of somebody else: always by pidfd.
///
/// A pid is only used as long as the child has not been reaped here, when its number cannot have
/// been given to another process.
class child_handle {
public:
    child_handle() = default;
    child_handle(pid_t pid, unique_fd pidfd) noexcept
        : pid_(pid),
          pidfd_(std::move(pidfd)),
          own_(pid)
    {
    }

    static child_handle foreign(pid_t pid, unique_fd pidfd) noexcept
    {
        child_handle h(pid, std::move(pidfd));
        h.foreign_ = true;
        return h;
    }

    [[nodiscard]] bool is_foreign() const noexcept { return foreign_; }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
    [[nodiscard]] bool reaped() const noexcept { return reaped_; }

    /// The child's place in the guardian's table. It is given up just before the child is reaped,
    /// while the zombie still holds the number.
    void guard(guard_entry entry) noexcept { guard_ = std::move(entry); }
    [[nodiscard]] bool is_guarded() const noexcept { return static_cast<bool>(guard_); }
    /// For others the place is kept after the reap, until it is taken away.
    void keep_guarded(guarded_rest rest) noexcept { rest_ = rest; }

    /// From here on by pid: no pidfd is wanted, or needed any more.
    void forget_pidfd() noexcept { pidfd_.reset(); }

    /// Whether the child has ended; it stays a zombie.
    [[nodiscard]] wait_outcome peek() const noexcept;

    /// Takes the status of a child that has ended; never blocks.
    wait_outcome reap(int& status, rusage& usage) noexcept;

    /// As `reap`, but waits for the end: for a child that is certain to end at once.
    void reap_blocking() noexcept;

    /// @return 0 or an errno; ESRCH when the child has been reaped.
    int signal(int number) const noexcept;

    /// Signals the process group `group` while it is certain to be the child's own.
    /// @return 0 or an errno; ESRCH when nobody is left, or it cannot be told safely.
    int signal_group(pid_t group, int number) const noexcept;

    /// Whether a process that has ended was reaped, by whomever.
    [[nodiscard]] bool is_gone() const noexcept;

    /// The status of a foreign process that has ended and not been reaped, if we may know it.
    [[nodiscard]] std::optional<int> zombie_status() const;

    /// The status that the kernel remembers of a process that others have reaped (Linux 6.15).
    /// @param later Set when it remembers none yet, since the process has not been reaped, or its
    ///     reaper is at it just now.
    [[nodiscard]] std::optional<int> remembered_status(bool& later) const noexcept;

private:
    [[nodiscard]] short poll_pidfd() const noexcept;
    [[nodiscard]] wait_outcome wait(int options, int* status, rusage* usage) const noexcept;

    pid_t pid_ = 0;
    unique_fd pidfd_;
    own_child own_;
    guard_entry guard_;
    bool reaped_ = false;
    bool foreign_ = false;
    guarded_rest rest_ = guarded_rest::nothing;
};

/// pidfd_open(2); empty where the kernel or a filter refuses.
unique_fd open_pidfd(pid_t pid) noexcept;

} // namespace execasio::sys
