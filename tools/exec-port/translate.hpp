#pragma once

#include "request.hpp"
#include "rights.hpp"

#include <execasio/command.hpp>
#include <execasio/credentials.hpp>
#include <execasio/stop_plan.hpp>

#include <optional>

namespace exec_port {

/// What a request asks for; a stand-in for it (see `start`) if nobody may have it.
/// @throws start_refused
execasio::command to_command(run_request const& request, rights const& r);

/// What runs in place of a command that may not join the process group that it names.
execasio::command refused_group(run_request const& request);

/// How a process with these options is stopped.
/// @param owner Whose it is, of one that the port did not start: its kill command is run by nobody
///     else, as far as the port may choose.
/// @throws start_refused
execasio::stop_plan to_stop_plan(run_options const& options, rights const& r,
                                 std::optional<execasio::credentials> const& owner);

} // namespace exec_port
