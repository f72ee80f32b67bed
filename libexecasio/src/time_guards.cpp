#include "execasio/time_guards.hpp"

#include "guard_run.hpp"
#include "process_state.hpp"

#include <algorithm>

namespace execasio {
namespace {

time_guards::duration not_negative(time_guards::duration time) noexcept
{
    return std::max(time, time_guards::duration::zero());
}

} // namespace

time_guards& time_guards::run_time(duration limit)
{
    run_time_ = not_negative(limit);
    return *this;
}

time_guards& time_guards::idle_time(duration limit)
{
    idle_time_ = not_negative(limit);
    return *this;
}

time_guards& time_guards::cpu_time(duration limit)
{
    cpu_time_ = not_negative(limit);
    return *this;
}

time_guards& time_guards::ready_within(duration limit, readiness how)
{
    ready_within_ = not_negative(limit);
    ready_how_ = std::move(how);
    return *this;
}

bool time_guards::empty() const noexcept
{
    return !run_time_ && !idle_time_ && !cpu_time_ && !ready_within_;
}

void guard(process& p, time_guards guards, stop_plan plan)
{
    if (!p.valid())
        throw boost::system::system_error(errc::no_process);
    process_access::state(p)->guard(std::move(guards), std::move(plan));
}

} // namespace execasio
