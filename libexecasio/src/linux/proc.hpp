#pragma once

#include <sys/types.h>

namespace execasio::sys {

/// Whether a process is stopped by a signal (state T of proc(5)). False when it cannot be told.
bool is_stopped(pid_t pid) noexcept;

} // namespace execasio::sys
