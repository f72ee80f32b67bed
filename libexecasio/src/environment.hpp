#pragma once

#include "execasio/command.hpp"

#include <string>
#include <vector>

namespace execasio::detail {

/// The "NAME=VALUE" strings that a command changes or adds, and the complete, null-terminated list
/// for execve, which points into them and into this program's own environment.
struct environment_block {
    std::vector<std::string> owned;
    std::vector<char*> list;
};

/// @param defaults Come before the command's own changes, which win.
environment_block make_environment(command const& cmd,
                                   std::vector<command::variable> const& defaults = {});

/// The value of a variable in a list as above; nullptr if it is not set.
char const* find_variable(char const* const* list, std::string const& name) noexcept;

} // namespace execasio::detail
