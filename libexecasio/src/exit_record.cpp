#include "execasio/exit_record.hpp"

#include "execasio/stop_result.hpp"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

namespace execasio {
namespace {

std::chrono::microseconds duration_of(timeval const& t) noexcept
{
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
}

} // namespace

char const* to_string(end_cause c) noexcept
{
    switch (c) {
    case end_cause::itself: return "ended by itself";
    case end_cause::stopped: return "stopped";
    case end_cause::time_limit: return "time limit";
    case end_cause::idle: return "idle time limit";
    case end_cause::cpu_time: return "CPU time limit";
    case end_cause::not_ready: return "not ready in time";
    case end_cause::dropped: return "dropped";
    }
    return "unknown";
}

char const* to_string(stop_mechanism m) noexcept
{
    switch (m) {
    case stop_mechanism::process: return "process";
    case stop_mechanism::group: return "group";
    case stop_mechanism::cgroup: return "cgroup";
    case stop_mechanism::process_walk: return "process walk";
    }
    return "unknown";
}

bool exit_record::exited() const noexcept
{
    return known_ && WIFEXITED(status_);
}

int exit_record::code() const noexcept
{
    return exited() ? WEXITSTATUS(status_) : -1;
}

bool exit_record::signaled() const noexcept
{
    return known_ && WIFSIGNALED(status_);
}

int exit_record::signal() const noexcept
{
    return signaled() ? WTERMSIG(status_) : 0;
}

bool exit_record::core_dumped() const noexcept
{
    return signaled() && WCOREDUMP(status_);
}

std::chrono::microseconds exit_record::user_time() const noexcept
{
    return duration_of(usage_.ru_utime);
}

std::chrono::microseconds exit_record::system_time() const noexcept
{
    return duration_of(usage_.ru_stime);
}

std::size_t exit_record::peak_memory() const noexcept
{
    return static_cast<std::size_t>(usage_.ru_maxrss) * 1024; // Linux counts in KiB
}

bool exit_record::peak_memory_exact() const noexcept
{
    rusage self{};
    return usage_known_ && ::getrusage(RUSAGE_SELF, &self) == 0 &&
           usage_.ru_maxrss > self.ru_maxrss;
}

std::string signal_name(int signal)
{
    if (char const* name = ::sigabbrev_np(signal))
        return std::string("SIG") + name;
    if (signal >= SIGRTMIN && signal <= SIGRTMAX)
        return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
    return "signal " + std::to_string(signal);
}

std::string describe(exit_record const& record)
{
    if (!record.known())
        return "no exit record";
    if (record.exited())
        return "exit code " + std::to_string(record.code());
    return "signal " + std::to_string(record.signal()) + " (" + signal_name(record.signal()) + ")" +
           (record.core_dumped() ? ", core dumped" : "");
}

} // namespace execasio
