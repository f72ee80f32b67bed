#include "stop_run.hpp"

#include "execasio/spawn.hpp"
#include "linux/proc.hpp"
#include "process_state.hpp"

#include <signal.h>
#include <unistd.h>

namespace execasio::detail {

stop_run::stop_run(process_state& target, stop_plan plan)
    : target_(target),
      plan_(std::move(plan)),
      timer_(target.executor())
{
}

error_code stop_run::begin()
{
    if (plan_.stages().empty()) {
        target_.stop_stage(0);
        return send(SIGKILL);
    }
    stop_plan::stage const& first = plan_.stages().front();
    target_.stop_stage(0);
    if (error_code const ec = act(first))
        return ec;
    wait(first.wait);
    return {};
}

error_code stop_run::act(stop_plan::stage const& stage)
{
    if (!stage.command)
        return send(stage.signal);
    try {
        start_command(stage);
        return {};
    } catch (std::exception const&) {
        return send(SIGTERM); // better a plain signal than none
    }
}

error_code stop_run::send(int signal)
{
    pid_t const group = plan_.target() == stop_target::group ? target_.group() : 0;
    // Once and not twice: a handler may count. The process itself may have left its group.
    bool const in_group = group != 0 && ::getpgid(target_.pid()) == group;
    error_code const group_ec = group != 0 ? target_.signal_group(signal) : error_code();
    // A group's signal succeeds if any member could be signalled: whether this one could be, is
    // asked by a signal that is none.
    error_code const ec = target_.signal(in_group && !group_ec ? 0 : signal);
    if (signal == SIGKILL || ec)
        return ec;
    // A stopped process keeps the signal pending until it is continued.
    if (group != 0)
        target_.signal_group(SIGCONT);
    if (auto const stat = sys::read_stat(target_.pid()); stat && stat->state == 'T')
        target_.signal(SIGCONT); // by pidfd: harmless if the number has changed hands since
    return ec;
}

void stop_run::start_command(stop_plan::stage const& stage)
{
    execasio::command cmd = *stage.command;
    cmd.environment("CHILD_PID", std::to_string(target_.pid()));
    cmd.group(process_group::create()).on_destroy(lifetime::kill);
    command_ = spawn(target_.executor(), cmd);
    // Reaped as soon as it ends. The wait may outlive the state, and this with it.
    command_->async_wait([weak = target_.weak_from_this(), this](error_code, exit_record const&) {
        if (auto const state = weak.lock(); state && state->ended())
            command_ended();
    });
}

void stop_run::wait(stop_plan::duration time)
{
    timer_.expires_after(time);
    timer_.async_wait([state = target_.shared_from_this(), this](error_code ec) {
        if (ec)
            return;
        command_.reset(); // out of time: its destruction kills it
        if (!state->ended())
            next_stage();
    });
}

void stop_run::next_stage()
{
    ++index_;
    target_.stop_stage(index_);
    // From here on nobody is left to be told of a refusal; the plan goes on to SIGKILL.
    if (index_ < plan_.stages().size()) {
        act(plan_.stages()[index_]);
        wait(plan_.stages()[index_].wait);
    } else {
        send(SIGKILL);
    }
}

void stop_run::target_ended() noexcept
{
    if (!command_ || !command_->running())
        timer_.cancel();
}

void stop_run::command_ended() noexcept
{
    timer_.cancel(); // the rest of its time would only keep the event loop running
}

} // namespace execasio::detail
