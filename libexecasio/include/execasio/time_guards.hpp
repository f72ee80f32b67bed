#pragma once

#include "execasio/process.hpp"
#include "execasio/ready.hpp"
#include "execasio/stop_plan.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace execasio {

/// Limits in time of a process, each of which has it stopped. A value; setters return the object.
/// Nothing is limited by default; times that are negative count as zero.
class time_guards {
public:
    using duration = std::chrono::milliseconds;

    /// Longest life, counted from the launch (of a foreign process: from its adoption).
    /// Violated: `end_cause::time_limit`.
    time_guards& run_time(duration limit);

    /// Longest silence: no byte written to standard output or error, as far as they are piped.
    /// Nothing is read to find that out, so that it does not matter when, or whether, the consumer
    /// reads. A pipe that is half full or more does not count as silence: the child may be waiting
    /// for the reader (how much a pipe holds depends on how it was written, pipe(7)); nor does a
    /// terminal with anything unread; nor a time in which this program itself did not run, as while
    /// it was stopped or its container paused. An end of the output is silence, too; a stream
    /// closed by this program is not looked at any more.
    ///
    /// Noticed within an eighth of the time, and 10 ms. Violated: `end_cause::idle`.
    time_guards& idle_time(duration limit);

    /// Most CPU time, user and system, of the process with all its threads, without other processes
    /// (clock_getcpuclockid(3)). Noticed within 10 ms of CPU time per CPU of the machine, or 100 ms
    /// when it has been sleeping. Violated: `end_cause::cpu_time`.
    time_guards& cpu_time(duration limit);

    /// Longest time from the launch to readiness. A line counts when somebody reads it: the guard
    /// itself takes nothing from the stream. Violated: `end_cause::not_ready`.
    time_guards& ready_within(duration limit, readiness how);

    [[nodiscard]] bool empty() const noexcept;
    [[nodiscard]] std::optional<duration> run_time() const noexcept { return run_time_; }
    [[nodiscard]] std::optional<duration> idle_time() const noexcept { return idle_time_; }
    [[nodiscard]] std::optional<duration> cpu_time() const noexcept { return cpu_time_; }
    [[nodiscard]] std::optional<duration> ready_within() const noexcept { return ready_within_; }
    [[nodiscard]] std::optional<readiness> const& ready_how() const noexcept { return ready_how_; }

    time_guards() {} // not an aggregate (g++ 12, co_await)

private:
    std::optional<duration> run_time_;
    std::optional<duration> idle_time_;
    std::optional<duration> cpu_time_;
    std::optional<duration> ready_within_;
    std::optional<readiness> ready_how_;
};

/// Watches over a process from now on. The first guard that is violated begins the stop plan and
/// is named in the exit record, unless a plan is under way already; then all guards rest.
///
/// They belong to the process, not to the object: they also go on when it is destroyed and the
/// process lives (`lifetime::detach`), except for what needs its streams. Another call replaces
/// them; with empty guards it removes them. As long as they have something to watch they keep the
/// event loop running, as a wait would.
///
/// A stop that is refused (EPERM: the process has become somebody else's) leaves it running.
///
/// @throws boost::system::system_error `errc::no_process`; `errc::not_piped` for a guard that needs
///     a stream that is not piped; EMFILE and the like. No guard is in force then.
void guard(process& p, time_guards guards, stop_plan plan = stop_plan());

} // namespace execasio
