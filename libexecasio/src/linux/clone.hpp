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
};

/// Gives birth to a child that shares this process's memory until it executes the plan's program;
/// returns then. Costs the same whatever the size of the parent's memory and descriptor table.
///
/// A failure leaves nothing behind. May be called from any number of threads at once.
/// @param share_table Let the child copy only the descriptors below `plan.shared_below`.
birth give_birth(child_plan& plan, bool share_table) noexcept;

} // namespace execasio::sys
