#include "limits.hpp"

#include "execasio/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <sched.h>
#include <sys/resource.h>

namespace execasio::detail {
namespace {

struct kernel_resource {
    resource what;
    int number;
};

constexpr std::array<kernel_resource, 16> resources{{
    {resource::cpu, RLIMIT_CPU},
    {resource::fsize, RLIMIT_FSIZE},
    {resource::data, RLIMIT_DATA},
    {resource::stack, RLIMIT_STACK},
    {resource::core, RLIMIT_CORE},
    {resource::rss, RLIMIT_RSS},
    {resource::nproc, RLIMIT_NPROC},
    {resource::nofile, RLIMIT_NOFILE},
    {resource::memlock, RLIMIT_MEMLOCK},
    {resource::as, RLIMIT_AS},
    {resource::locks, RLIMIT_LOCKS},
    {resource::sigpending, RLIMIT_SIGPENDING},
    {resource::msgqueue, RLIMIT_MSGQUEUE},
    {resource::nice, RLIMIT_NICE},
    {resource::rtprio, RLIMIT_RTPRIO},
    {resource::rttime, RLIMIT_RTTIME},
}};

[[noreturn]] void refuse(sys::limits_plan::detail what)
{
    throw spawn_error(stage::limits, {EINVAL, boost::system::system_category()},
                      limits::name_of(what));
}

int number_of(resource what) noexcept
{
    auto const found = std::find_if(resources.begin(), resources.end(),
                                    [&](kernel_resource const& r) { return r.what == what; });
    return found == resources.end() ? -1 : found->number; // which the kernel refuses
}

} // namespace

limits::limits(resource_limits const& wanted, bool changes_user)
{
    plan_.changes_user = changes_user;
    for (resource_limits::limit const& l : wanted.limits())
        steps_.push_back({number_of(l.what), l.soft.has_value(), l.hard.has_value(),
                          l.soft.value_or(0), l.hard.value_or(0)});
    plan_.steps = steps_.data();
    plan_.step_count = steps_.size();
    if (auto const value = wanted.oom_score_adjust()) {
        oom_text_ = std::to_string(*value);
        plan_.oom_score_adjust = oom_text_.c_str();
    }
    if (auto const rank = wanted.io_priority())
        set_io_priority(*rank);
    if (auto const rank = wanted.schedule())
        set_scheduler(*rank);
    if (wanted.cpus())
        set_cpus(*wanted.cpus());
}

void limits::set_io_priority(resource_limits::io_rank rank)
{
    // Above the three bits of the level newer kernels take other things.
    if (rank.level < 0 || rank.level > 7)
        refuse(sys::limits_plan::io_priority);
    constexpr int class_shift = 13; // <linux/ioprio.h>
    plan_.set_io_priority = true;
    plan_.io_priority_value = static_cast<int>(rank.which) << class_shift |
                              (rank.which == io_class::idle ? 0 : rank.level);
}

void limits::set_scheduler(resource_limits::cpu_rank rank) noexcept
{
    constexpr int policies[] = {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR};
    plan_.set_scheduler = true;
    plan_.scheduler_policy = policies[static_cast<std::size_t>(rank.which)];
    plan_.scheduler_priority = rank.priority;
}

void limits::set_cpus(std::vector<unsigned> const& numbers)
{
    constexpr unsigned most = 8192; // no kernel is built for more
    constexpr unsigned bits = sizeof(unsigned long) * CHAR_BIT;
    cpus_.assign(1, 0); // none at all is the kernel's to refuse
    for (unsigned const number : numbers) {
        if (number >= most)
            refuse(sys::limits_plan::cpu_set);
        cpus_.resize(std::max<std::size_t>(cpus_.size(), number / bits + 1));
        cpus_[number / bits] |= 1UL << number % bits;
    }
    plan_.cpus = cpus_.data();
    plan_.cpus_size = cpus_.size() * sizeof(unsigned long);
}

std::string limits::name_of(int detail)
{
    switch (detail) {
    case sys::limits_plan::oom_score: return "oom_score_adj";
    case sys::limits_plan::io_priority: return "I/O priority";
    case sys::limits_plan::cpu_scheduler: return "scheduler";
    case sys::limits_plan::cpu_set: return "CPUs";
    default: break;
    }
    for (kernel_resource const& r : resources)
        if (r.number == detail)
            return to_string(r.what);
    return "";
}

} // namespace execasio::detail
