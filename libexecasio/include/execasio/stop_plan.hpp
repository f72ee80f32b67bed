#pragma once

#include "execasio/command.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace execasio {

/// Whom a stop plan acts on.
enum class stop_target {
    process, ///< the process alone
    group,   ///< its whole process group, when it has one apart from the parent's
    tree,    ///< it and all its descendants: see docs/trees.md for how they are found
};

/// How a process is made to end, as data: stages of a signal or a command, each with a time to wait
/// for the end, and SIGKILL when all stages were in vain. The final SIGKILL cannot be left out: a
/// plan always comes to its end.
///
/// A plan whose target is a group or a tree ends when nobody of it is left, not when the process
/// itself has gone: it goes on through its stages for those that stay.
///
/// The default is SIGTERM, five seconds, SIGKILL. A value; setters return the object.
class stop_plan {
public:
    using duration = std::chrono::milliseconds;

    static constexpr duration default_grace{5000};

    /// One step: exactly one of `signal` and `command` is meant.
    struct stage {
        int signal = 0; ///< when there is no command
        std::optional<execasio::command> command;
        duration wait{};         ///< for the end of the process, before the next stage
        duration command_time{}; ///< how long the command may run, if that is longer
    };

    stop_plan();

    /// A plan without any stage: SIGKILL at once. Stages can be added.
    static stop_plan kill();

    /// Sets the time of the last stage (of the default plan: how long after SIGTERM).
    stop_plan& grace(duration wait);

    /// Adds a stage. Negative times count as zero, and there is an end: at most 100 years.
    stop_plan& signal(int number, duration wait);

    /// Adds a stage that runs a command, with the process id as CHILD_PID in its environment. It
    /// gets a process group of its own and is killed, group and all, if it still runs when its time
    /// is over, or when another stage's command begins. If it cannot be started, SIGTERM is sent in
    /// its place. It has all of its time, also when the process ends before: a supervisor's
    /// shutdown and a scope's end wait for it.
    ///
    /// @param wait For the end of the process, before the next stage.
    /// @param time How long the command may run: `wait`, or longer. By then the process may be gone
    ///     and its id another's.
    stop_plan& command(execasio::command cmd, duration wait, duration time = duration::zero());

    /// Whom signals are sent to. Default: the process.
    stop_plan& target(stop_target whom);

    [[nodiscard]] std::vector<stage> const& stages() const noexcept { return stages_; }
    [[nodiscard]] stop_target target() const noexcept { return target_; }

private:
    std::vector<stage> stages_;
    stop_target target_ = stop_target::process;
};

} // namespace execasio
