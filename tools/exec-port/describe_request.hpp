#pragma once

#include "request.hpp"

#include <string>

namespace exec_port {

/// What a request to run is about, for the log: the command, and as whom, where and how it is run.
/// Never its input or its environment, which may hold secrets. Cut after some thousand bytes.
std::string describe(run_request const& request);

} // namespace exec_port
