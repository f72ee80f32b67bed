#include "sigchld.hpp"

#include "process_state.hpp"

#include <boost/asio/detail/signal_set_service.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <vector>

#include <signal.h>
#include <sys/wait.h>

namespace execasio::detail {

asio::execution_context::id sigchld_service::id;

/// Services are shut down in the reverse of the order in which they were made. Asio closes its pipe
/// for signals then, and a SIGCHLD that is still caught would write to it (SIGPIPE): its service
/// has to be there first, so that `signals_` has gone by then.
sigchld_service::sigchld_service(asio::execution_context& context) : service(context)
{
    asio::use_service<asio::detail::signal_set_service>(context);
}

void sigchld_service::add(std::shared_ptr<process_state> const& state)
{
    try {
        {
            std::lock_guard const lock(mutex_);
            if (shut_down_) // a process that goes with its context: nobody will be told
                return;
            states_[state->pid()] = state;
            if (!signals_)
                signals_.emplace(state->executor(), SIGCHLD);
            wait_for_signal();
        }
        // It may have ended before the signal was caught.
        asio::post(state->executor(), [state] { state->check(); });
    } catch (...) { // out of memory
        remove(*state);
        throw;
    }
}

void sigchld_service::remove(process_state const& state) noexcept
{
    std::shared_ptr<process_state> last; // whose destruction must not happen under the lock
    std::lock_guard const lock(mutex_);
    // The number of one that was reaped may be another's by now.
    if (auto const found = states_.find(state.pid());
        found != states_.end() && found->second.get() == &state) {
        last = std::move(found->second);
        states_.erase(found);
    }
    // A pending wait would keep the event loop running.
    if (states_.empty() && signals_) {
        error_code ignored;
        signals_->cancel(ignored);
        if (sweep_)
            sweep_->cancel();
    }
}

void sigchld_service::shutdown()
{
    decltype(states_) last;
    std::lock_guard const lock(mutex_);
    shut_down_ = true;
    signals_.reset();
    sweep_.reset();
    last.swap(states_);
}

void sigchld_service::wait_for_signal()
{
    if (waiting_)
        return;
    signals_->async_wait([this](error_code ec, int) {
        {
            std::lock_guard const lock(mutex_);
            waiting_ = false;
            if (states_.empty())
                return;
            wait_for_signal(); // also after a cancellation that a new process has overtaken
        }
        if (!ec)
            look();
    });
    waiting_ = true; // not before, since it may throw; the handler takes the lock
}

/// The usual case, whose cost does not depend on the number of children: the kernel names one that
/// has ended, and it is one of these.
bool sigchld_service::look_at_first()
{
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return false;
    std::shared_ptr<process_state> state;
    {
        std::lock_guard const lock(mutex_);
        if (auto const found = states_.find(info.si_pid); found != states_.end())
            state = found->second;
    }
    if (!state)
        return false;
    bool done = false;
    auto const check = [&state, &done] {
        state->check();
        done = state->ended();
    };
    // Only if it can be done here: otherwise the same child would be named again and again.
    if (signals_->get_executor() != state->executor())
        return false;
    check();
    return done;
}

void sigchld_service::look()
{
    while (look_at_first()) {
    }
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
        sweep_later();
    else // what is in the way may be a child of other code
        look_at_all();
}

/// The signal may have been for one of ours that other code has reaped meanwhile, which nothing
/// shows but a look at each: worth it a few times a second, not at each of thousands of signals.
void sigchld_service::sweep_later()
{
    constexpr std::chrono::milliseconds pause{100};
    std::lock_guard const lock(mutex_);
    if (sweeping_ || states_.empty())
        return;
    sweeping_ = true;
    if (!sweep_)
        sweep_.emplace(signals_->get_executor());
    sweep_->expires_after(pause);
    sweep_->async_wait([this](error_code) {
        {
            std::lock_guard const relock(mutex_);
            sweeping_ = false;
        }
        look_at_all(); // also after a cancellation that a new process has overtaken
    });
}

void sigchld_service::look_at_all()
{
    std::vector<std::shared_ptr<process_state>> all;
    {
        std::lock_guard const lock(mutex_);
        for (auto const& [pid, state] : states_)
            all.push_back(state);
    }
    for (auto const& state : all)
        asio::dispatch(state->executor(), [state] { state->check(); });
}

} // namespace execasio::detail
