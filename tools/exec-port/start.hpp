#pragma once

#include <execasio/command.hpp>
#include <execasio/process.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace exec_port {

namespace asio = boost::asio;

/// Starts a command.
///
/// What fails before there is a child (pipes, files, limits) is refused. What fails in the child
/// (the program, its directory, group or user) is, as far as Erlang can tell, a program that said
/// why on its standard error and ended with 1: a stand-in does so, with a process id and an exit of
/// its own.
/// @throws start_refused
execasio::process start(asio::any_io_executor executor, execasio::command const& cmd);

/// The same for a command whose user could hold up its start, who must not hold up anybody else.
/// @throws start_refused, or spawn_error with operation_aborted when cancelled.
asio::awaitable<execasio::process> start_awaited(asio::any_io_executor executor,
                                                 execasio::command cmd);

} // namespace exec_port
