#include "execasio/stop.hpp"

#include "process_state.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>

#include <signal.h>

namespace execasio {
namespace {

stop_plan::duration bounded(stop_plan::duration time) noexcept
{
    constexpr stop_plan::duration longest = std::chrono::hours(24 * 365 * 100);
    return std::clamp(time, stop_plan::duration::zero(), longest); // the clock must not overflow
}

asio::awaitable<stop_result> stop_and_wait(std::shared_ptr<detail::process_state> state,
                                           stop_plan plan)
{
    if (!state)
        throw boost::system::system_error(errc::no_process);
    if (error_code const ec = state->begin_stop(std::move(plan), end_cause::stopped))
        throw boost::system::system_error(ec, "stop");
    std::exception_ptr lost;
    try {
        static_cast<void>(co_await detail::wait_for(state));
    } catch (boost::system::system_error const& e) {
        if (e.code() != errc::status_lost)
            throw;
        lost = std::current_exception(); // others may be left all the same
    }
    while (detail::exit_event* const empty = state->pending_end()) {
        error_code ec; // of the channel that is closed then, or of a cancellation
        co_await empty->async_receive(asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted)
            throw boost::system::system_error(ec, "stop");
    }
    if (lost)
        std::rethrow_exception(lost);
    co_return state->result();
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
    stages_.push_back({number, std::nullopt, bounded(wait), duration::zero()});
    return *this;
}

stop_plan& stop_plan::command(execasio::command cmd, duration wait, duration time)
{
    stages_.push_back({0, std::move(cmd), bounded(wait), bounded(time)});
    return *this;
}

stop_plan& stop_plan::target(stop_target whom)
{
    target_ = whom;
    return *this;
}

asio::awaitable<stop_result> stop(process& p, stop_plan plan)
{
    // Begins when it is awaited, and the object may be gone by then.
    return stop_and_wait(process_access::state(p), std::move(plan));
}

error_code request_stop(process& p, stop_plan plan, end_cause cause)
{
    if (!p.valid())
        return make_error_code(errc::no_process);
    return process_access::state(p)->begin_stop(std::move(plan), cause);
}

} // namespace execasio
