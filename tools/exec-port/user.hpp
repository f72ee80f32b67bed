#pragma once

#include <execasio/credentials.hpp>

#include <optional>
#include <string>

#include <sys/types.h>

namespace exec_port {

/// The id of a user by name; nullopt when there is none. Looks names up where the system says
/// (nsswitch.conf), so it may take a while.
/// @throws boost::system::system_error when it cannot look
std::optional<uid_t> user_id(std::string const& name);

/// The name of a user, or the number when it has none.
std::string user_name(uid_t id);

/// A user and group, with the supplementary groups that this process has.
execasio::credentials identity_with_own_groups(uid_t user, gid_t group);

/// Whose a process is: its real user and group, and its supplementary groups (/proc/PID/status).
/// The caller must know that the number has not been given away. nullopt when that cannot be read.
std::optional<execasio::credentials> owner_of(int os_pid);

} // namespace exec_port
