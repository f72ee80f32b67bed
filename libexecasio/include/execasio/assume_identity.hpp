#pragma once

#include "execasio/capabilities.hpp"
#include "execasio/credentials.hpp"

#include <optional>

namespace execasio {

/// Makes this program, for good, somebody else (nullopt: its user stays), or takes rights away from
/// it: what `command::credentials` and `command::capabilities` do to a child. For a server that is
/// started with more rights than it needs.
///
/// Real, effective, saved and file system numbers and all groups are changed, read back and
/// compared. So are the capabilities: exactly `kept` stay permitted and effective, none can be
/// inherited by programs that are executed (children get what their commands say). With nullopt
/// they are what the change of the user leaves: all for user 0, none for others. Afterwards this
/// program cannot be traced by its new user, nor does it dump core (PR_SET_DUMPABLE).
///
/// @throws spawn_error with the stage (`credentials`, `capabilities`) that failed. What came before
///     that stage has happened: a program that goes on is neither one nor the other, and should
///     end.
/// @par Thread safety
/// Changes the calling thread only, and those that it starts later: to be called while there is but
/// one.
void assume_identity(std::optional<credentials> const& who,
                     std::optional<capabilities> const& kept);

} // namespace execasio
