#pragma once

#include "execasio/command.hpp"
#include "linux/unique_fd.hpp"

#include <sys/types.h>

namespace execasio::sys {

/// A descriptor that reports an event when this process is dead: its pidfd. Where there are none
/// the reading end of a pipe, whose other end this process keeps.
/// @param kept Gets that end.
/// @throws boost::system::system_error
unique_fd own_death(unique_fd& kept);

/// A file in memory that can be executed; empty (and errno) where the system does not want that.
unique_fd executable_file(char const* data, std::size_t size) noexcept;

/// The guardian as a copy of this program, where it cannot be executed.
/// @return Its process id, or -1 (and errno).
pid_t fork_guardian(int area, int manager) noexcept;

} // namespace execasio::sys
