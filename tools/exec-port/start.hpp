#pragma once

#include "refusal.hpp"
#include "request.hpp"

#include <execasio/process.hpp>
#include <execasio/stop_plan.hpp>

#include <exception>
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

/// Starts what a request asks for.
///
/// What fails before there is a child (pipes, files, limits) is refused. What fails in the child
/// (the program, its directory, group or user) is, as far as Erlang can tell, a program that said
/// why on its standard error and ended with 1: a stand-in does so, with a process id and an exit of
/// its own.
/// @throws start_refused
execasio::process start(asio::any_io_executor executor, run_request const& request);

/// How a process with these options is stopped.
execasio::stop_plan to_stop_plan(run_options const& options);

} // namespace exec_port
