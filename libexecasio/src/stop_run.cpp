#include "stop_run.hpp"

#include "execasio/spawn.hpp"
#include "linux/continue_after.hpp"
#include "linux/low_descriptors.hpp"
#include "process_state.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>

#include <algorithm>
#include <utility>

#include <signal.h>

namespace execasio::detail {

stop_run::stop_run(process_state& target, stop_plan plan, std::unique_ptr<sys::process_set> set)
    : target_(target),
      plan_(std::move(plan)),
      timer_(target.executor()),
      command_timer_(target.executor()),
      set_(std::move(set))
{
    if (set_)
        emptied_.emplace(target.executor());
}

bool stop_run::in_last_stage() const noexcept
{
    return index_ >= plan_.stages().size();
}

error_code stop_run::begin()
{
    target_.stop_stage(0);
    if (in_last_stage())
        return send(SIGKILL);
    stop_plan::stage const& first = plan_.stages().front();
    wait(first.wait); // before it acts: what may fail comes first
    return act(first);
}

void stop_run::begin_with_rest(bool long_gone)
{
    with_rest_ = true;
    if (long_gone)
        moments_ = most_moments; // whoever is still there is not on the way out
    if (in_last_stage())
        send(SIGKILL);
    else
        act(plan_.stages().front());
}

error_code stop_run::act(stop_plan::stage const& stage)
{
    if (!stage.command)
        return send(stage.signal);
    try {
        start_command(stage);
        return {};
    } catch (std::exception const&) {
        end_command();
        return send(SIGTERM); // better a plain signal than none
    }
}

error_code stop_run::send(int signal)
{
    last_signal_ = signal;
    if (set_)
        return send_to_all(signal);
    error_code const ec = target_.signal(signal);
    if (!ec)
        send_continue(signal);
    return ec;
}

void stop_run::send_continue(int signal)
{
    if (sys::is_followed_by_continue(signal))
        target_.signal(SIGCONT);
}

error_code stop_run::send_to_all(int signal)
{
    bool const others_only = with_rest_ || target_.ended();
    bool included = false; // once and not twice: a handler may count
    sys::room_for_a_look const room;
    try {
        set_->signal(signal, others_only ? 0 : target_.pid(), included);
    } catch (std::exception const&) {
        // Out of memory or descriptors. Those who were not found are looked for again when the
        // process itself has ended, which is signalled all the same.
    }
    if (others_only)
        return {};
    // The others' signal succeeds if any could be signalled: whether this one could be, is asked by
    // a signal that is none.
    error_code const ec = target_.signal(included ? 0 : signal);
    if (!ec && !included) // the others' signal was followed by one
        send_continue(signal);
    return ec;
}

void stop_run::start_command(stop_plan::stage const& stage)
{
    execasio::command cmd = *stage.command;
    cmd.environment("CHILD_PID", std::to_string(target_.pid()));
    cmd.group(process_group::create()).on_destroy(lifetime::kill);
    end_command(); // of an earlier stage
    command_done_.emplace(target_.executor());
    limit_command(std::max(stage.wait, stage.command_time));
    if (!cmd.changes_identity()) {
        command_started(spawn(target_.executor(), cmd));
        return;
    }
    // The user whose it is to be could hold it up: only its own stage waits for it. It may have to
    // be cancelled, and end, later than the state.
    launch_ = std::make_shared<asio::cancellation_signal>();
    auto started = [weak = target_.weak_from_this(), this, launch = launch_,
                    index = index_](std::exception_ptr const& failure, process p) {
        auto const state = weak.lock();
        if (!state || launch_ != launch)
            return; // out of time: the destruction of what has started kills it
        launch_.reset();
        if (!failure) {
            command_started(std::move(p));
            return;
        }
        command_ended();
        if (index == index_ && (!state->ended() || (set_ && !finished_)))
            send(SIGTERM); // better a plain signal than none
    };
    asio::cancellation_slot const slot = launch_->slot();
    async_spawn(target_.executor(), std::move(cmd),
                asio::bind_cancellation_slot(slot, std::move(started)));
}

void stop_run::command_started(process command)
{
    command_ = std::move(command);
    // Reaped as soon as it ends. The wait may outlive the state, and this with it.
    command_->async_wait([weak = target_.weak_from_this(), this](error_code, exit_record const&) {
        if (auto const state = weak.lock(); state && !command_at_work()) // by a later one
            command_ended();
    });
}

bool stop_run::command_at_work() const noexcept
{
    return launch_ || (command_ && command_->running());
}

/// Its time may go on when the stage is over, or the process has ended.
void stop_run::limit_command(stop_plan::duration time)
{
    command_timer_.expires_after(time);
    command_timer_.async_wait([state = target_.shared_from_this(), run = weak_from_this(),
                               this](error_code ec) {
        bool const over =
            !ec && !run.expired() && std::chrono::steady_clock::now() >= command_timer_.expiry();
        if (over) // else it is a later command's
            end_command();
    });
}

/// Out of time: its destruction kills it.
void stop_run::end_command() noexcept
{
    command_timer_.cancel();
    try {
        if (auto const launch = std::exchange(launch_, nullptr))
            launch->emit(asio::cancellation_type::terminal);
    } catch (std::exception const&) { // out of memory: its destruction kills it when it has started
    }
    command_.reset();
    if (command_done_)
        command_done_->close();
}

void stop_run::wait(stop_plan::duration time)
{
    timer_.expires_after(time);
    // A plan whose first stage is refused may be gone when its time has come on another thread.
    timer_.async_wait([state = target_.shared_from_this(), run = weak_from_this(), this,
                       index = index_](error_code ec) {
        if (ec || run.expired() || index != index_) // it has been hurried on meanwhile
            return;
        auto const go_on = [&] {
            if (!state->ended() || (set_ && !finished_))
                next_stage();
        };
        try {
            state->check(); // what has ended in this stage was not ended by the next one
        } catch (...) {     // out of memory for those who wait
            go_on();
            throw;
        }
        go_on();
    });
}

void stop_run::next_stage()
{
    count_rest();
    ++index_;
    // From here on nobody is left to be told of a refusal; the plan goes on to SIGKILL.
    if (!in_last_stage()) {
        try {
            tell_stage();
            act(plan_.stages()[index_]);
            wait(plan_.stages()[index_].wait);
            return;
        } catch (std::exception const&) { // out of memory: without a clock there is no patience
            index_ = plan_.stages().size();
        }
    }
    tell_stage();
    send(SIGKILL);
    if (target_.ended() && set_)
        look();
}

void stop_run::tell_stage() noexcept
{
    if (!with_rest_)
        target_.stop_stage(index_);
}

void stop_run::hurry()
{
    end_command();
    if (finished_ || in_last_stage() || (target_.ended() && !set_))
        return;
    timer_.cancel();
    index_ = plan_.stages().size() - 1;
    next_stage();
}

void stop_run::before_reap()
{
    if (!set_)
        return;
    sys::room_for_a_look const room;
    set_->before_reap();
}

void stop_run::target_ended() noexcept
{
    if (set_) {
        look();
        if (finished_ || !with_rest_ || in_last_stage())
            return;
        try { // the time of the first stage counts from here
            wait(plan_.stages()[index_].wait);
        } catch (std::exception const&) { // out of memory: without a clock there is no patience
            index_ = plan_.stages().size();
            look();
        }
        return;
    }
    timer_.cancel();
}

void stop_run::command_ended() noexcept
{
    command_done_->close();
    command_timer_.cancel(); // the rest of its time would only keep the event loop running
}

stop_result stop_run::result(exit_record const& record) const noexcept
{
    if (!set_)
        return stop_result(record, stop_mechanism::process, 0, 0);
    stop_result told(record, set_->mechanism(), set_->signalled(), left_);
    if (!with_rest_) // others may have needed more than the process itself
        told.cause(record.cause(), index_);
    return told;
}

/// The process itself has gone: is anybody else left? If so, the end of those who were found is
/// awaited, and then looked again; they may have started others meanwhile.
void stop_run::look() noexcept
{
    if (finished_)
        return;
    try {
        watched_.reset();
        if (look_again_)
            look_again_->cancel();
        set_->reap();
        if (set_->surely_empty()) {
            finish(0);
            return;
        }
        if (give_a_moment())
            return;
        sys::room_for_a_look const room;
        if (in_last_stage()) { // once more, for those that were born meanwhile
            bool included = false;
            set_->signal(SIGKILL, 0, included);
        }
        seen_ = set_->find();
        if (seen_.living == 0) {
            set_->reap();
            finish(0);
            return;
        }
        // Those who were signalled as a whole are only counted.
        int const number = in_last_stage() ? SIGKILL : set_->signals_as_whole() ? 0 : last_signal_;
        bool const may_signal = set_->signal_rest(seen_, number);
        if (in_last_stage() && !may_signal) {
            finish(seen_.living);
            return;
        }
        watch();
    } catch (std::exception const&) { // out of memory or descriptors: there may be more later
        look_later();
    }
}

/// Who is still there when a stage is over is not on the way out, and counts. Looked for before the
/// next signal, which may end all of them at once, seen by nobody.
void stop_run::count_rest() noexcept
{
    if (!set_ || finished_ || !target_.ended())
        return;
    moments_ = most_moments;
    try {
        sys::room_for_a_look const room;
        set_->signal_rest(set_->find(), set_->signals_as_whole() ? 0 : last_signal_);
    } catch (std::exception const&) { // out of memory or descriptors: they end uncounted
    }
}

/// A walk through /proc takes the event loop's time, the more the more processes there are on the
/// machine: not for those who are on their way out when the process itself has gone.
bool stop_run::give_a_moment() noexcept
{
    if (moments_ == most_moments || !set_->knows_when_empty())
        return false;
    look_delay_ = std::chrono::milliseconds(1 << moments_);
    ++moments_;
    try {
        schedule_look();
        return true;
    } catch (std::exception const&) { // out of memory
        return false;
    }
}

void stop_run::watch()
{
    if (int const event = set_->event(); event >= 0) {
        watch(event, asio::posix::descriptor_base::wait_error);
        look_delay_ = std::chrono::seconds(1); // should others remove it, there is no event
        look_later();
        return;
    }
    // One after the other: all have to go, in whatever order.
    auto const next =
        std::find_if(seen_.held.begin(), seen_.held.end(),
                     [](sys::held_process const& p) { return p.pidfd && p.living(); });
    if (next == seen_.held.end())
        look_later(); // no pidfds; or all have ended in this very moment
    else
        watch(next->pidfd.get(), asio::posix::descriptor_base::wait_read);
}

void stop_run::watch(int fd, asio::posix::descriptor_base::wait_type what)
{
    // A number of our own, so that it can be closed by whoever is first.
    sys::unique_fd own = sys::copy_of(fd);
    if (!own) {
        look_later();
        return;
    }
    watched_.emplace(target_.executor(), own.get());
    static_cast<void>(own.release());
    watched_->async_wait(what, [state = target_.shared_from_this(), this](error_code ec) {
        if (ec || finished_)
            return;
        look_delay_ = std::chrono::milliseconds(5);
        bool const more =
            set_->event() < 0 && std::any_of(seen_.held.begin(), seen_.held.end(),
                                             [](sys::held_process const& p) { return p.living(); });
        try {
            if (more)
                watch();
            else
                look();
        } catch (std::exception const&) {
            look_later();
        }
    });
}

void stop_run::look_later() noexcept
{
    try {
        schedule_look();
    } catch (std::exception const&) { // no memory even for that: it has to end somehow
        try {
            bool included = false;
            set_->signal(SIGKILL, 0, included);
        } catch (std::exception const&) {
        }
        finish(seen_.living);
    }
}

void stop_run::schedule_look()
{
    constexpr std::chrono::milliseconds longest{100};
    if (!look_again_)
        look_again_.emplace(target_.executor());
    look_again_->expires_after(look_delay_);
    look_delay_ = std::min(look_delay_ * 2, longest);
    look_again_->async_wait([state = target_.shared_from_this(), this](error_code ec) {
        if (!ec)
            look();
    });
}

void stop_run::finish(std::size_t left) noexcept
{
    finished_ = true;
    left_ = left;
    watched_.reset();
    seen_ = {};
    if (look_again_)
        look_again_->cancel();
    timer_.cancel();
    emptied_->close();
    target_.emptied();
}

} // namespace execasio::detail
