#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include <sys/resource.h>

namespace execasio {

/// Why a process ended, as far as this library had a hand in it.
enum class end_cause {
    itself,     ///< nobody here asked for it: it returned, crashed, or a stranger signalled it
    stopped,    ///< a stop plan was under way (`exit_record::stop_stage` says how far)
    time_limit, ///< as `stopped`, and the plan was started by a limit of its run time
    idle,       ///< as `stopped`, by a limit of its silence (`time_guards::idle_time`)
    cpu_time,   ///< as `stopped`, by a limit of its CPU time
    not_ready,  ///< as `stopped`, because it was not ready in time
    dropped,    ///< its owner was destroyed, or the supervisor's shutdown ran out of time
};

char const* to_string(end_cause c) noexcept;

/// How a process ended and what it used. A value, made once, when the process is reaped.
///
/// Times and counts are those that wait4(2) would give (getrusage(2)): of the process and of those
/// descendants that it waited for itself.
class exit_record {
public:
    exit_record() = default;

    /// @param status A status as wait(2) stores it.
    exit_record(int status, rusage const& usage, std::chrono::nanoseconds wall) noexcept
        : status_(status),
          usage_(usage),
          wall_(wall),
          known_(true)
    {
    }

    /// False for a default constructed record only.
    [[nodiscard]] bool known() const noexcept { return known_; }

    [[nodiscard]] bool exited() const noexcept;   ///< by exit(3) or by returning from main
    [[nodiscard]] int code() const noexcept;      ///< 0 to 255; -1 unless `exited`
    [[nodiscard]] bool signaled() const noexcept; ///< ended by a signal
    [[nodiscard]] int signal() const noexcept;    ///< its number; 0 unless `signaled`
    [[nodiscard]] bool core_dumped() const noexcept;
    [[nodiscard]] bool success() const noexcept { return exited() && code() == 0; }

    /// The raw status, as wait(2) stores it.
    [[nodiscard]] int native_status() const noexcept { return status_; }

    /// From just before the launch to the moment the end was seen here.
    [[nodiscard]] std::chrono::nanoseconds wall_time() const noexcept { return wall_; }
    [[nodiscard]] std::chrono::microseconds user_time() const noexcept;
    [[nodiscard]] std::chrono::microseconds system_time() const noexcept;

    /// Largest resident set in bytes. Linux carries the peak of the spawning program into this
    /// figure (execve keeps the larger one): it is exact when it exceeds that peak, else the truth
    /// lies below.
    [[nodiscard]] std::size_t peak_memory() const noexcept;

    /// Whether that figure is the process's own: it exceeds what this program has ever used.
    [[nodiscard]] bool peak_memory_exact() const noexcept;

    /// The whole of it, as getrusage(2) describes; zero when `usage_known` is false.
    [[nodiscard]] rusage const& usage() const noexcept { return usage_; }

    /// False when other code reaped the process and only the kernel's memory of its status was
    /// left.
    [[nodiscard]] bool usage_known() const noexcept { return usage_known_; }

    [[nodiscard]] end_cause cause() const noexcept { return cause_; }

    /// The stage of the stop plan that was the last one begun: 0 is the first, and the number of
    /// the plan's stages stands for the final SIGKILL. nullopt when no plan was started.
    [[nodiscard]] std::optional<std::size_t> stop_stage() const noexcept { return stop_stage_; }

    // For those who make records.
    void cause(end_cause c, std::optional<std::size_t> stage) noexcept
    {
        cause_ = c;
        stop_stage_ = stage;
    }
    void usage_known(bool yes) noexcept { usage_known_ = yes; }

private:
    int status_ = 0;
    rusage usage_{};
    std::chrono::nanoseconds wall_{};
    std::optional<std::size_t> stop_stage_;
    end_cause cause_ = end_cause::itself;
    bool known_ = false;
    bool usage_known_ = true;
};

/// One line for people: "exit code 3" or "signal 9 (SIGKILL)", with "core dumped" where it was.
std::string describe(exit_record const& record);

/// "SIGTERM" for 15, "SIGRTMIN+1", or "signal 99" for a number that has no name.
std::string signal_name(int signal);

} // namespace execasio
