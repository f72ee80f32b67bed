#pragma once

#include "request.hpp"

#include <cstdint>
#include <string>

namespace exec_port {

/// What a request to run is about, for the log: the command, and as whom, where and how it is run.
/// Never its input or its environment, which may hold secrets. Cut after some thousand bytes.
std::string describe(run_request const& request);

/// What any request asks for, cut likewise; of input no more than how much it is.
std::string describe(request_body const& body);

/// What a request is answered that is not carried out.
std::string describe(std::int64_t id, refusal const& why);

} // namespace exec_port
