#pragma once

#include "linux/clone.hpp"

#include <chrono>

namespace execasio::detail {

/// A child on its way to exec, with a memory of its own, until it is known how that went. Whoever
/// gives it up kills it; nothing here blocks for long, whatever becomes of the child.
class newborn {
public:
    explicit newborn(sys::begun_birth begun) noexcept;
    newborn(newborn&& other) noexcept;
    newborn& operator=(newborn&&) = delete;
    ~newborn();

    /// Readable when `look` has something to see; -1 when no child was born.
    [[nodiscard]] int report_fd() const noexcept { return report_.get(); }

    /// Reads what there is. @return Whether the outcome is certain.
    bool look() noexcept;

    /// Reads on to the end of its reports. @return Whether that has come: it has executed its
    /// program, or is dead but for the last steps, which take no time worth speaking of.
    bool look_for_end() noexcept;

    /// Blocks the thread until the outcome is certain, or kills the child at the deadline.
    sys::birth wait(std::chrono::steady_clock::time_point deadline) noexcept;

    /// At the deadline: looks a last time, also for a child that has executed its program although
    /// the end of its reports does not show, since a process that other code forked in the wrong
    /// moment has a copy of the pipe. @return Whether the outcome is certain after all.
    bool look_at_deadline() noexcept;

    /// @return Whether it will end soon: false when the kernel refuses (it is somebody else by now,
    ///     and this program may not signal that user).
    bool kill() noexcept;

    /// The outcome. A failed child is killed and reaped, or left to the orphanage if it does not
    /// end in time.
    /// @param why The launch was given up: a failure, whatever the child says.
    sys::birth finish(error_code why, std::chrono::milliseconds patience) noexcept;

private:
    bool read_report() noexcept;
    [[nodiscard]] bool has_executed() const noexcept;
    void end(std::chrono::milliseconds patience) noexcept;

    sys::child_handle child_;
    sys::unique_fd report_;
    error_code error_;
    sys::child_report last_;
    bool closed_ = false; // no more reports
};

} // namespace execasio::detail
