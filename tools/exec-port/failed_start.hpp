#pragma once

#include "refusal.hpp"

#include <execasio/command.hpp>
#include <execasio/error.hpp>

#include <exception>
#include <string>
#include <utility>

namespace exec_port {

/// A request to run that is answered by an error.
class start_refused : public std::exception {
public:
    explicit start_refused(refusal why) : why_(std::move(why)) {}
    [[nodiscard]] refusal const& why() const noexcept { return why_; }
    [[nodiscard]] char const* what() const noexcept override { return why_.reason().c_str(); }

private:
    refusal why_;
};

/// The answer to a start that failed, in erlexec's words.
refusal start_refusal(execasio::command const& cmd, execasio::spawn_error const& e);

/// What runs in place of a command that failed: says so on its standard error and ends with 1.
/// @param message "%p" at its beginning stands for the process id.
execasio::command stand_in(execasio::command const& failed, std::string message);

/// The same for what the library said; as the user that the command was to be, if it got that far.
/// @throws start_refused when that is nothing that a child would have met with.
execasio::command stand_in_or_refuse(execasio::command const& failed,
                                     execasio::spawn_error const& e);

/// Of a command whose user cannot be had: nobody else may write that user's files.
execasio::command without_files(execasio::command cmd);

} // namespace exec_port
