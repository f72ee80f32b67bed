#pragma once

#include "execasio/drain.hpp"

#include <cstddef>

namespace execasio::detail {

/// Adds to what was captured: counts all, keeps what the limit allows.
void keep(captured& into, char const* data, std::size_t size, std::size_t limit);

/// The end of the waiting: takes what the pipe holds at this moment, if the policy wants that, and
/// finds out whether somebody still has it open.
void settle(output_stream& stream, captured& into, drain_policy const& policy, std::size_t limit);

} // namespace execasio::detail
