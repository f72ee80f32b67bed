#pragma once

#include <execasio/exit_record.hpp>
#include <execasio/stop_plan.hpp>

#include <ostream>

namespace execasio_tool {

/// Prints an exit record for people.
void print(std::ostream& out, execasio::exit_record const& record, execasio::stop_plan const& plan);

} // namespace execasio_tool
