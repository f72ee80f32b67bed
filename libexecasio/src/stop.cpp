#include "execasio/stop.hpp"

#include "process_state.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include <signal.h>

namespace execasio {
namespace {

stop_plan::duration bounded(stop_plan::duration time) noexcept
{
    constexpr stop_plan::duration longest = std::chrono::hours(24 * 365 * 100);
    return std::clamp(time, stop_plan::duration::zero(), longest); // the clock must not overflow
}

asio::awaitable<exit_record> stop_and_wait(process& p, stop_plan plan)
{
    if (error_code const ec = request_stop(p, std::move(plan)))
        throw boost::system::system_error(ec, "stop");
    co_return co_await p.wait();
}

} // namespace

stop_plan::stop_plan()
{
    signal(SIGTERM, default_grace);
}

stop_plan stop_plan::kill()
{
    stop_plan plan;
    plan.stages_.clear();
    return plan;
}

stop_plan& stop_plan::grace(duration wait)
{
    if (!stages_.empty())
        stages_.back().wait = bounded(wait);
    return *this;
}

stop_plan& stop_plan::signal(int number, duration wait)
{
    stages_.push_back({number, std::nullopt, bounded(wait)});
    return *this;
}

stop_plan& stop_plan::command(execasio::command cmd, duration wait)
{
    stages_.push_back({0, std::move(cmd), bounded(wait)});
    return *this;
}

stop_plan& stop_plan::target(stop_target whom)
{
    target_ = whom;
    return *this;
}

asio::awaitable<exit_record> stop(process& p, stop_plan plan)
{
    return stop_and_wait(p, std::move(plan));
}

error_code request_stop(process& p, stop_plan plan, end_cause cause)
{
    if (!p.valid())
        return make_error_code(errc::no_process);
    return process_access::state(p)->begin_stop(std::move(plan), cause);
}

} // namespace execasio
