#pragma once

#include "execasio/process.hpp"
#include "launch_plan.hpp"

namespace execasio::detail {

/// Launches a prepared plan and makes the process object.
/// @throws spawn_error
process launch(asio::any_io_executor executor, command const& cmd, launch_plan& plan,
               int (*hook)(void*) noexcept, void* hook_context);

} // namespace execasio::detail
