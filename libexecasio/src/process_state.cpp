#include "process_state.hpp"

#include "execasio/exit_engine.hpp"
#include "linux/cgroup.hpp"
#include "linux/tree_set.hpp"
#include "orphanage.hpp"
#include "sigchld.hpp"
#include "stop_run.hpp"

#include <atomic>
#include <cerrno>

#include <signal.h>
#include <unistd.h>

namespace execasio {
namespace {

std::atomic<exit_engine> engine_in_force = exit_engine::automatic;

error_code signal_error(int number) noexcept
{
    if (number == 0)
        return {};
    if (number == ESRCH)
        return make_error_code(errc::already_ended);
    return {number, boost::system::system_category()};
}

} // namespace

void use_exit_engine(exit_engine engine) noexcept
{
    engine_in_force = engine;
}

exit_engine current_exit_engine() noexcept
{
    return engine_in_force;
}

namespace detail {

process_state::process_state(asio::any_io_executor executor, command const& cmd)
    : on_destroy(cmd.on_destroy()),
      pidfd_(executor),
      exited_(std::move(executor)),
      at_exit_(cmd.at_exit()),
      started_(clock::now()),
      group_signal_at_exit_(at_exit_ ? 0 : cmd.group_signal_at_exit())
{
    group_is_own_ = cmd.starts_session() || cmd.group().id() == 0;
    group_ = group_is_own_ || cmd.group().is_inherited() ? 0 : cmd.group().id();
}

process_state::process_state(asio::any_io_executor executor)
    : on_destroy(lifetime::survive),
      pidfd_(executor),
      exited_(std::move(executor)),
      started_(clock::now()),
      group_signal_at_exit_(0)
{
}

process_state::~process_state()
{
    if (pidfd_.is_open())
        pidfd_.release();
    if (child_.pid() != 0 && !ended_ && !child_.is_foreign())
        add_orphan(std::move(child_));
}

void process_state::take(sys::child_handle child)
{
    child_ = std::move(child);
    child_.keep_guarded(cgroup_ ? sys::guarded_rest::cgroup : sys::guarded_rest::nothing);
    if (child_.is_foreign())
        group_is_own_ = ::getpgid(child_.pid()) == child_.pid();
    if (group_is_own_)
        group_ = child_.pid();
    if (current_exit_engine() == exit_engine::sigchld && !child_.is_foreign())
        child_.forget_pidfd();
    try {
        if (child_.pidfd() >= 0)
            pidfd_.assign(child_.pidfd());
        else // made now, so that the context shuts it down before it destroys it
            sigchld();
    } catch (...) { // out of memory, descriptors, epoll's quota: whom nobody watches is nobody's
        if (!child_.is_foreign()) {
            child_.signal(SIGKILL);
            child_.reap_blocking();
        }
        ended_ = true;
        throw;
    }
}

void process_state::change_lifetime(lifetime policy) noexcept
{
    on_destroy = policy;
    if (child_.is_foreign() || child_.reaped() || child_.pid() == 0)
        return;
    if (policy == lifetime::survive) {
        child_.guard({});
    } else if (!child_.is_guarded()) {
        sys::guard_entry entry = sys::guard_entry::for_living(pid(), group_is_own_);
        if (cgroup_)
            entry.cgroup(cgroup_->parent().c_str(), cgroup_->number());
        entry.tree(tree_number_);
        child_.guard(std::move(entry));
    }
}

error_code process_state::signal(int number) const noexcept
{
    return signal_error(child_.signal(number));
}

error_code process_state::signal_group(int number) const noexcept
{
    if (group_ == 0)
        return make_error_code(errc::no_process);
    return signal_error(child_.signal_group(group_, number));
}

void process_state::kill(end_cause cause) noexcept
{
    cause_ = cause;
    child_.signal(SIGKILL);
    if (group_ == pid())
        child_.signal_group(group_, SIGKILL);
}

void process_state::abandon() noexcept
{
    bool const has_child = !ended_ && child_.pid() != 0;
    if (on_destroy == lifetime::kill) {
        kill_cgroup();
        if (has_child && child_.is_foreign())
            child_.signal(SIGKILL);
        else if (has_child)
            kill(stop_ ? cause_ : end_cause::dropped);
    }
    // Later than that, or its end might be a SIGPIPE. Not closed: a copy of the handle may still
    // read what the process has left in a pipe.
    input = input_stream();
    output = output_stream();
    error = output_stream();
    terminal = pseudo_terminal();
    if (!has_child || child_.is_foreign())
        return;
    try {
        check();
        // Reaped by the event loop, if it goes on; by the orphanage otherwise.
        if (!ended_ && on_destroy == lifetime::kill)
            add_waiter();
    } catch (std::exception const&) { // out of memory: the orphanage will do
    }
}

} // namespace detail
} // namespace execasio
