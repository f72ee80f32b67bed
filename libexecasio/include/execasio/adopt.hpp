#pragma once

#include "execasio/process.hpp"

namespace execasio {

/// Takes charge of a process that this program did not start: to learn of its end, to signal it and
/// to stop it by a plan. It may belong to another user.
///
/// Its end is known at once. How it ended is its parent's to know; here it is as far as the kernel
/// tells: always for an orphan that has become this program's child (PR_SET_CHILD_SUBREAPER), from
/// Linux 6.15 on for all, before that for those that one might trace (ptrace(2)) and that their
/// parent has not yet reaped. Otherwise the wait fails with `errc::status_lost`. Resource usage is
/// known for own children only.
///
/// The process object never ends the process by its destruction, unless `on_destroy` says so. Not
/// for a child that a `process` owns already: two would reap it.
///
/// @throws boost::system::system_error ESRCH (no such process), EINVAL or ENOENT (no process id),
/// ENOSYS or
///     EPERM (pidfd_open is refused: Linux before 5.3, or a container's filter).
[[nodiscard]] process adopt(asio::any_io_executor executor, pid_t pid);

} // namespace execasio
