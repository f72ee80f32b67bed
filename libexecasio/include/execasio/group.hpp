#pragma once

#include <cstddef>
#include <vector>

#include <sys/types.h>

namespace execasio {

/// The members of a process group that have not ended, in no order; none where /proc is hidden.
/// @throws boost::system::system_error for want of descriptors or memory.
std::vector<pid_t> group_members(pid_t group);

/// Kills the members of a process group with SIGKILL, all but the caller, until none is left:
/// also those that are born meanwhile. For the end of a program that leads the group. Blocks, for a
/// second at most. Members are found in /proc: where that is hidden none is.
///
/// @param spared Members that live on, and what they start. They must not have ended since, or
///     others may have their numbers, and live on as well. The caller does not count as one.
/// @return How many members could not be killed: not permitted, or in an uninterruptible call.
/// @throws boost::system::system_error for want of descriptors or memory, all that second long.
std::size_t kill_group_members(pid_t group, std::vector<pid_t> const& spared = {});

} // namespace execasio
