#pragma once

#include "linux/unique_fd.hpp"

#include <cstdint>

#include <sys/types.h>

namespace execasio::sys {

/// A child that makes one system call and exits with its errno (0 if it succeeded).
struct probe_call {
    long number = -1; ///< none: it exits at once
    long arguments[3] = {};
};

/// What became of such a child. It is reaped.
struct probe_result {
    int clone_error = 0; ///< errno of clone3; ENOSYS on an architecture that is not known here
    int call_error = 0;  ///< of the call in the child
    unique_fd pidfd;     ///< if asked for
};

/// Makes a child by clone3(2) with these flags, in this process's memory, which waits meanwhile.
/// Without an exit signal, so that neither SIGCHLD nor a wait(2) of other code is concerned.
/// @param cgroup For CLONE_INTO_CGROUP.
probe_result run_probe(std::uint64_t flags, probe_call call = {}, int cgroup = -1) noexcept;

/// The directory of this process's cgroup of version 2; empty when there is none to be seen.
unique_fd open_own_cgroup() noexcept;

} // namespace execasio::sys
