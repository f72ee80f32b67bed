#pragma once

#include <cstdint>

#include <sys/types.h>

namespace execasio::sys {

/// The variable whose value, "MANAGER-NUMBER", marks the members of a tree.
constexpr char tree_variable[] = "EXECASIO_TREE";

/// The number of the tree of that manager's which a process was started in; 0: none. Of a process
/// that may not be traced nothing is known, nor with `is_shortage(errno)`.
std::uint64_t tree_of(pid_t pid, pid_t manager) noexcept;

} // namespace execasio::sys
