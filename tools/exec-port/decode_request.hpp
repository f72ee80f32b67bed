#pragma once

#include "request.hpp"

#include <optional>
#include <string_view>

namespace exec_port {

/// Turns the payload of a frame into a request. Looks nothing up and changes nothing.
///
/// Nothing is returned for a frame that cannot be answered, upon which the port shuts down: no
/// term, or not `{Id, {Command, ...}}` with an integer of 64 bits as Id. Everything else gets a
/// transaction id and with it at least a refusal; so does a tuple whose first element is no atom:
/// it is answered as an unknown command without a name.
///
/// Takes time linear to the frame, and memory for at most one std::string per element in it.
std::optional<request> decode_request(std::string_view payload);

} // namespace exec_port
