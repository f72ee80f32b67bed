#pragma once

#include <cstddef>

#include <sys/types.h>

namespace execasio {

/// Kills the members of a process group with SIGKILL, all but the caller, until none is left:
/// also those that are born meanwhile. For the end of a program that leads the group. Blocks, for a
/// second at most. Members are found in /proc: where that is hidden none is.
///
/// @return How many members could not be killed: not permitted, or in an uninterruptible call.
std::size_t kill_group_members(pid_t group);

} // namespace execasio
