#pragma once

#include "execasio/process.hpp"
#include "execasio/stop_plan.hpp"
#include "execasio/stop_result.hpp"

namespace execasio {

/// Carries out a stop plan and completes when its target is empty: the process has ended and was
/// reaped, and nobody of its group or tree is left, if the plan is for those. Members that live on
/// because they may not be signalled are told in the result.
///
/// SIGCONT follows each signal that ends processes but SIGKILL: a process that is stopped (SIGSTOP,
/// SIGTSTP) could not act on it otherwise. If a plan is under way already, it goes on unchanged and
/// this call awaits its outcome. A process that has ended is not an error: what is left of its
/// group or tree is stopped then, if that is the plan's target and can still be told. The result
/// tells which stage was the last.
///
/// @param p Need not outlive the operation; destroying it meanwhile kills the child.
/// @throws boost::system::system_error what `request_stop` reports, or `errc::status_lost`.
/// @par Cancellation
/// All types: the caller gets `asio::error::operation_aborted`, and the plan goes on to its end, so
/// that no half-killed process is left behind.
[[nodiscard]] asio::awaitable<stop_result> stop(process& p, stop_plan plan = stop_plan());

/// Begins a stop plan and returns at once, its first stage done. The plan goes on by itself, even
/// if `p` is destroyed (detached) meanwhile.
/// @param cause What the exit record is to say of why the process ended.
/// @return What the first signal met with: EPERM when the child runs as somebody else; nothing was
///     begun then. None when the process has ended, or a plan is under way.
error_code request_stop(process& p, stop_plan plan = stop_plan(),
                        end_cause cause = end_cause::stopped);

} // namespace execasio
