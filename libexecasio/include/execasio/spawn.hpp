#pragma once

#include "execasio/process.hpp"

namespace execasio {

/// Starts a program and returns when it has reached exec: a program that cannot be started is an
/// error here, not an exit code.
///
/// The launch takes the same time whatever the size of this program's memory and the number of its
/// descriptors. It blocks the calling thread until exec (about the time of one fork of a small
/// program): a caller that cannot spare that spawns from a thread of its own.
///
/// @param executor Runs all operations of the process.
/// @throws spawn_error which step failed, and why. Nothing is left behind, except that an output
///     file may have been created or emptied.
/// @par Thread safety
/// May be called from any number of threads at once.
[[nodiscard]] process spawn(asio::any_io_executor executor, command const& cmd);

/// As above, without exceptions for a failed launch; returns an empty `process` then.
[[nodiscard]] process spawn(asio::any_io_executor executor, command const& cmd, error_code& ec);

/// Reserves the few low descriptor numbers that launches want once many descriptors are open.
/// Happens by itself, but a program that is going to hold thousands does well to call it first:
/// numbers below a few dozens are then still free.
void prepare_spawning() noexcept;

} // namespace execasio
