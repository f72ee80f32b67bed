// How the end of a process is awaited and learnt.
#include "process_state.hpp"

#include "guard_run.hpp"
#include "linux/low_descriptors.hpp"
#include "orphanage.hpp"
#include "sigchld.hpp"
#include "stop_run.hpp"

#include <boost/asio/query.hpp>

#include <poll.h>

namespace execasio::detail {
namespace {

constexpr std::chrono::milliseconds reaper_patience{50};

} // namespace

void process_state::add_waiter()
{
    if (!ended_ && !watching_)
        watch();
    ++waiters_; // not before, since that may throw
}

void process_state::remove_waiter() noexcept
{
    if (--waiters_ != 0 || ended_ || !watching_)
        return;
    if (pidfd_.is_open()) {
        error_code ignored;
        pidfd_.cancel(ignored);
        if (retry_)
            retry_->cancel();
    } else {
        watching_ = false;
        sigchld().remove(*this);
    }
}

sigchld_service& process_state::sigchld()
{
    return asio::use_service<sigchld_service>(asio::query(executor(), asio::execution::context));
}

void process_state::watch()
{
    if (!pidfd_.is_open())
        sigchld().add(shared_from_this());
    else
        pidfd_.async_wait(asio::posix::descriptor_base::wait_read,
                          [self = shared_from_this()](error_code ec) { self->watched(ec); });
    watching_ = true;
}

void process_state::watched(error_code ec)
{
    if (ended_)
        return;
    if (!ec)
        check();
    if (ended_ || waiters_ == 0 || awaiting_reaper_) {
        watching_ = awaiting_reaper_;
        return;
    }
    // A wait that was cancelled for want of waiters, and one has come since; or a wake-up without
    // cause (epoll may still know an old descriptor of this number); or a tracer that holds the
    // zombie: then the pidfd stays readable, and waiting for that again would spin.
    if (!ec && readable_now())
        retry_later();
    else
        watch();
}

bool process_state::readable_now() const noexcept
{
    pollfd p{child_.pidfd(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
}

void process_state::retry_later()
{
    if (!retry_)
        retry_ = std::make_unique<asio::steady_timer>(executor());
    retry_->expires_after(retry_delay_);
    retry_delay_ = std::min(retry_delay_ * 2, std::chrono::milliseconds(100));
    retry_->async_wait([self = shared_from_this()](error_code ec) { self->watched(ec); });
}

void process_state::check()
{
    if (ended_)
        return;
    if (child_.is_foreign()) {
        check_foreign();
        return;
    }
    bool const with_others =
        (group_signal_at_exit_ != 0 && group_ != 0) || at_exit_ || (stop_ && stop_->has_set());
    if (with_others && !child_.reaped()) {
        if (child_.peek() == sys::wait_outcome::running)
            return;
        before_reap();
    }
    int status = 0;
    rusage usage{};
    sys::wait_outcome const outcome = child_.reap(status, usage);
    if (outcome == sys::wait_outcome::running)
        return;
    auto const wall = clock::now() - started_;
    if (outcome == sys::wait_outcome::ended) {
        record_ = exit_record(status, usage, wall);
    } else { // other code was quicker
        bool later = false;
        auto const remembered = child_.remembered_status(later);
        if (later && wait_for_reaper())
            return;
        if (remembered)
            record_ = exit_record(*remembered, rusage{}, wall);
        else
            failure_ = errc::status_lost;
        record_.usage_known(false);
    }
    record_.cause(cause_, stop_stage_);
    finish();
}

/// A foreign process has ended when its pidfd says so; its status is its parent's business, and
/// what the kernel tells others depends on the moment.
void process_state::check_foreign()
{
    int status = 0;
    rusage usage{};
    sys::wait_outcome const outcome = child_.reap(status, usage);
    if (outcome == sys::wait_outcome::running)
        return;
    if (stop_)
        before_reap();
    bool const ours = outcome == sys::wait_outcome::ended; // an orphan that had become our child
    if (!ours) {
        bool later = false;
        sys::room_for_a_look const room;
        std::optional<int> known = child_.zombie_status();
        if (!known)
            known = child_.remembered_status(later);
        if (later && wait_for_reaper())
            return;
        if (!known)
            failure_ = errc::status_lost;
        status = known.value_or(0);
    }
    if (!failure_)
        record_ = exit_record(status, usage, clock::now() - started_);
    record_.usage_known(ours);
    record_.cause(cause_, stop_stage_);
    finish();
}

/// The kernel remembers the status once others have reaped the process, which they do at once as a
/// rule; not for long do we wait for that, since the end itself is news.
/// @return False when it has been waited for.
bool process_state::wait_for_reaper()
{
    if (!seen_ended_)
        seen_ended_ = clock::now();
    if (clock::now() >= *seen_ended_ + reaper_patience)
        return false;
    if (!awaiting_reaper_ && waiters_ != 0)
        await_reaper();
    return true;
}

void process_state::await_reaper()
{
    awaiting_reaper_ = true;
    pidfd_.async_wait(asio::posix::descriptor_base::wait_error,
                      [self = shared_from_this()](error_code ec) {
                          self->reaper_awaited(ec == asio::error::operation_aborted);
                      });
    retry_ = std::make_unique<asio::steady_timer>(executor(), *seen_ended_ + reaper_patience);
    retry_->async_wait([self = shared_from_this()](error_code ec) {
        if (!ec)
            self->reaper_awaited(false);
    });
}

/// @param cancelled For want of waiters.
void process_state::reaper_awaited(bool cancelled)
{
    if (ended_ || !awaiting_reaper_)
        return;
    if (waiters_ == 0) { // nobody wants to know any more; who does later begins anew
        awaiting_reaper_ = false;
        watching_ = false;
        retry_->cancel();
        return;
    }
    if (cancelled) { // and one has come since
        await_reaper();
        return;
    }
    check();
}

void process_state::finish()
{
    if (awaiting_reaper_)
        retry_->cancel();
    ended_ = true;
    if (pidfd_.is_open())
        pidfd_.release(); // taken out of epoll before it is closed: a child being born right now
                          // may hold a copy for a moment, which would keep the entry alive
    else if (watching_)
        sigchld().remove(*this);
    if (group_ != pid())
        child_.forget_pidfd(); // else still good for what is left of its group
    if (auto const guards = std::exchange(guards_, nullptr))
        guards->end();
    if (stop_)
        stop_->target_ended();
    if (rest_)
        rest_->target_ended();
    // Not under a plan that waits for the cgroup's events: there are none of one that is gone.
    if (cgroup_ && !pending_end())
        emptied();
    reap_orphans();
    exited_.close(); // last: it may find no memory for those who wait
}

asio::any_io_executor executor_of(process_state& state) noexcept
{
    return state.executor();
}

exit_event& begin_exit_wait(process_state& state)
{
    state.add_waiter();
    return state.exited();
}

bool has_ended(process_state const& state) noexcept
{
    return state.ended();
}

void cancel_exit_wait(process_state& state) noexcept
{
    state.remove_waiter();
}

void end_exit_wait(process_state& state, error_code& ec, exit_record& record)
{
    state.remove_waiter();
    if (!state.ended()) {
        ec = asio::error::operation_aborted;
        return;
    }
    ec = state.failure(); // cancelled in the same instant or not, here it is
    record = state.record();
}

} // namespace execasio::detail
