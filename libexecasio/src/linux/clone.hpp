#pragma once

#include "linux/child.hpp"
#include "linux/child_handle.hpp"

namespace execasio::sys {

/// A child that has reached exec, or why there is none.
struct birth {
    child_handle child;
    stage failed_at = stage::none;
    error_code error;
    pid_t failed_pid = 0; ///< of a child that was born, failed and has been reaped
    int failed_detail = child_report::no_detail; ///< as in `child_report`
};

/// Gives birth to a child that shares this process's memory until it executes the plan's program;
/// returns then. Costs the same whatever the size of the parent's memory and descriptor table.
///
/// A failure leaves nothing behind. May be called from any number of threads at once.
/// @param share_table Let the child copy only the descriptors below `plan.shared_below`.
birth give_birth(child_plan& plan, bool share_table) noexcept;

/// What the parent makes of a report that says, or stands for, a failure.
error_code error_of(child_report const& report) noexcept;

/// A child that has been born and is on its way to exec.
struct begun_birth {
    child_handle child;
    unique_fd report; ///< non-blocking; `child_report`s come from here, its end is exec or the end
    stage failed_at = stage::none; ///< not none: no child
    error_code error;
};

/// Gives birth to a child with a copy of this process's memory and descriptors, and returns at
/// once. Costs what a fork costs. For what must not be done in shared memory, or may take long.
/// Thread safe, as above.
begun_birth begin_birth(child_plan& plan) noexcept;

} // namespace execasio::sys
