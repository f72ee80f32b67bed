#pragma once

#include "linux/child_handle.hpp"

namespace execasio::detail {

/// Takes over children that nobody waits for any more, so that they do not stay zombies: those that
/// have ended are reaped whenever `reap_orphans` is called. Thread safe.
void add_orphan(sys::child_handle child) noexcept;

/// Reaps the orphans that have ended; never blocks. Called at every launch and every exit.
void reap_orphans() noexcept;

} // namespace execasio::detail
