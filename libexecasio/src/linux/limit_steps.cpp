// Runs between clone and exec: raw system calls only, compiled without sanitizers, as child.cpp.
#include "linux/limit_steps.hpp"

#include "linux/child.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

struct limit_pair { // rlimit64 of prlimit(2)
    std::uint64_t soft;
    std::uint64_t hard;
};

bool get(int resource, limit_pair& value) noexcept
{
    return ::syscall(SYS_prlimit64, 0, resource, nullptr, &value) == 0;
}

bool set(int resource, limit_pair const& value) noexcept
{
    return ::syscall(SYS_prlimit64, 0, resource, &value, nullptr) == 0;
}

limit_pair wanted(limits_plan::step const& step, limit_pair const& now) noexcept
{
    limit_pair value{step.set_soft ? step.soft : now.soft, step.set_hard ? step.hard : now.hard};
    if (!step.set_soft && value.soft > value.hard)
        value.soft = value.hard;
    return value;
}

std::uint64_t larger(std::uint64_t a, std::uint64_t b) noexcept
{
    return a < b ? b : a;
}

bool write_oom_score(char const* text) noexcept
{
    long const fd =
        ::syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    std::size_t size = 0;
    while (text[size] != '\0')
        ++size;
    bool const written = ::syscall(SYS_write, fd, text, size) >= 0;
    int const error = errno;
    ::syscall(SYS_close, fd);
    errno = error;
    return written;
}

} // namespace

int apply_limits(limits_plan const& plan, child_report& report) noexcept
{
    // Before the limits: it needs a descriptor. A child that shares the parent's memory has a value
    // of its own, as the kernel makes an exception for vfork.
    report.detail = limits_plan::oom_score;
    if (plan.oom_score_adjust && !write_oom_score(plan.oom_score_adjust))
        return errno;
    for (std::size_t i = 0; i < plan.step_count; ++i) {
        limits_plan::step const& step = plan.steps[i];
        report.detail = step.resource;
        limit_pair now{};
        if (!get(step.resource, now))
            return errno;
        limit_pair value = wanted(step, now);
        // The kernel holds the number of processes against a user at setresuid, and refuses the
        // exec that follows when there are more. So here it only rises, while that is permitted,
        // and is lowered later.
        if (step.resource == RLIMIT_NPROC && plan.changes_user)
            value = {larger(value.soft, now.soft), larger(value.hard, now.hard)};
        if (!set(step.resource, value))
            return errno;
    }
    report.detail = limits_plan::io_priority;
    constexpr int this_process = 1; // IOPRIO_WHO_PROCESS
    if (plan.set_io_priority &&
        ::syscall(SYS_ioprio_set, this_process, 0, plan.io_priority_value) != 0)
        return errno;
    report.detail = limits_plan::cpu_scheduler;
    struct sched_param parameter {};
    parameter.sched_priority = plan.scheduler_priority;
    if (plan.set_scheduler &&
        ::syscall(SYS_sched_setscheduler, 0, plan.scheduler_policy, &parameter) != 0)
        return errno;
    report.detail = limits_plan::cpu_set;
    if (plan.cpus && ::syscall(SYS_sched_setaffinity, 0, plan.cpus_size, plan.cpus) != 0)
        return errno;
    report.detail = child_report::no_detail;
    return 0;
}

int finish_limits(limits_plan const& plan, child_report& report) noexcept
{
    for (std::size_t i = 0; i < plan.step_count && plan.changes_user; ++i) {
        limits_plan::step const& step = plan.steps[i];
        if (step.resource != RLIMIT_NPROC)
            continue;
        report.detail = step.resource;
        limit_pair now{};
        if (!get(step.resource, now))
            return errno;
        if (!set(step.resource, wanted(step, now)))
            return errno;
        report.detail = child_report::no_detail;
    }
    return 0;
}

} // namespace execasio::sys
