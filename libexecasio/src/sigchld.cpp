#include "sigchld.hpp"

#include "process_state.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <vector>

#include <signal.h>
#include <sys/wait.h>

namespace execasio::detail {

asio::execution_context::id sigchld_service::id;

void sigchld_service::add(std::shared_ptr<process_state> const& state)
{
    {
        std::lock_guard const lock(mutex_);
        states_[state->pid()] = state;
        if (!signals_)
            signals_.emplace(state->executor(), SIGCHLD);
        wait_for_signal();
    }
    // It may have ended before the signal was caught.
    asio::post(state->executor(), [state] { state->check(); });
}

void sigchld_service::remove(pid_t pid) noexcept
{
    std::lock_guard const lock(mutex_);
    states_.erase(pid);
    // A pending wait would keep the event loop running.
    if (states_.empty() && signals_) {
        error_code ignored;
        signals_->cancel(ignored);
    }
}

void sigchld_service::shutdown()
{
    std::lock_guard const lock(mutex_);
    signals_.reset();
    states_.clear();
}

void sigchld_service::wait_for_signal()
{
    if (waiting_)
        return;
    waiting_ = true;
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
            state = found->second.lock();
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
    // What is left in the way may be a child of other code: look at each of ours.
    std::vector<std::shared_ptr<process_state>> all;
    {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
            return;
        std::lock_guard const lock(mutex_);
        for (auto const& [pid, weak] : states_)
            if (auto state = weak.lock())
                all.push_back(std::move(state));
    }
    for (auto const& state : all)
        asio::dispatch(state->executor(), [state] { state->check(); });
}

} // namespace execasio::detail
