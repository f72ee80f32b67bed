#pragma once

#include "execasio/process.hpp"
#include "launch_plan.hpp"

namespace execasio::detail {

/// What is known of the child to come: its executor and the parent's ends of its streams.
/// @throws boost::system::system_error
std::shared_ptr<process_state> make_state(asio::any_io_executor const& executor, command const& cmd,
                                          launch_plan& plan);

/// Launches a prepared plan and makes the process object.
/// @throws spawn_error
process launch(asio::any_io_executor executor, command const& cmd, launch_plan& plan,
               int (*hook)(void*) noexcept, void* hook_context);

} // namespace execasio::detail
