#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace exec_port {

/// The id of a user by name; nullopt when there is none. Looks names up where the system says
/// (nsswitch.conf), so it may take a while.
std::optional<uid_t> user_id(std::string const& name);

/// The name of a user, or the number when it has none.
std::string user_name(uid_t id);

} // namespace exec_port
