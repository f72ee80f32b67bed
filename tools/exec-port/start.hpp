#pragma once

#include "refusal.hpp"
#include "request.hpp"
#include "rights.hpp"

#include <execasio/command.hpp>
#include <execasio/credentials.hpp>
#include <execasio/process.hpp>
#include <execasio/stop_plan.hpp>

#include <boost/asio/awaitable.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace exec_port {

namespace asio = boost::asio;

/// A request to run that is answered by an error.
class start_refused : public std::exception {
public:
    explicit start_refused(refusal why) : why_(std::move(why)) {}
    [[nodiscard]] refusal const& why() const noexcept { return why_; }
    [[nodiscard]] char const* what() const noexcept override { return why_.reason().c_str(); }

private:
    refusal why_;
};

/// What a request asks for; a stand-in for it (see `start`) if nobody may have it.
/// @throws start_refused
execasio::command to_command(run_request const& request, rights const& r);

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

/// How a process with these options is stopped.
/// @param owner Whose it is, of one that the port did not start: its kill command is run by nobody
///     else, as far as the port may choose.
execasio::stop_plan to_stop_plan(run_options const& options, rights const& r,
                                 std::optional<execasio::credentials> const& owner);

} // namespace exec_port
