#pragma once

#include <sys/types.h>

namespace execasio::sys {

/// Puts the master of a new terminal in the place of this one, a terminal that belongs to another
/// user, and to a group of that user's where the system has none for terminals: what chown(2) would
/// do for who has CAP_CHOWN. A process of its own opens it as that user (devpts goes by who opens
/// /dev/ptmx), since a change of the user, even for a moment and of one thread, would make this
/// program undumpable and clear its parent-death signal.
/// @return 0 or an errno; EPERM without CAP_SETUID and CAP_SETGID.
int replace_terminal_master(int master, uid_t owner, gid_t group) noexcept;

} // namespace execasio::sys
