// The plans and guards by which a process is made to end, with its group or tree.
#include "process_state.hpp"

#include "guard_run.hpp"
#include "linux/cgroup.hpp"
#include "linux/cpu_clock.hpp"
#include "linux/group_set.hpp"
#include "linux/tree_set.hpp"
#include "stop_run.hpp"

#include <signal.h>
#include <unistd.h>

namespace execasio::detail {

/// While the zombie is there its group's number cannot mean another group.
void process_state::before_reap() noexcept
{
    if (group_signal_at_exit_ != 0 && group_ != 0)
        child_.signal_group(group_, group_signal_at_exit_);
    // Out of memory or descriptors, one of these is left out, but not what comes after it.
    try {
        if (stop_)
            stop_->before_reap();
    } catch (std::exception const&) {
    }
    try {
        if (at_exit_ && !rest_)
            begin_at_exit();
    } catch (std::exception const&) {
        if (!rest_ && at_exit_->target() != stop_target::process && group_ != 0)
            child_.signal_group(group_, SIGKILL); // rather than that they are nobody's
    }
    if (pending_end())
        child_.keep_guarded(sys::guarded_rest::group_and_tree);
    else
        child_.keep_guarded(cgroup_ ? sys::guarded_rest::cgroup : sys::guarded_rest::nothing);
}

void process_state::begin_at_exit()
{
    stop_target const whom = at_exit_->target();
    bool const done_already =
        stop_ && stop_->has_set() && stop_->whom() >= whom && stop_->has_signalled();
    auto set = done_already ? nullptr : make_set(whom);
    if (!set)
        return;
    rest_ = std::make_shared<stop_run>(*this, *at_exit_, std::move(set));
    rest_->begin_with_rest(false);
    rest_->before_reap();
}

/// Whom a plan acts on besides the process itself; nullptr when there is nobody.
std::unique_ptr<sys::process_set> process_state::make_set(stop_target whom)
{
    if (whom == stop_target::tree && cgroup_)
        return std::make_unique<sys::cgroup_set>(*cgroup_);
    if (whom == stop_target::tree)
        // Of a process that has been reaped nothing is known any more.
        return ended_ ? nullptr : std::make_unique<sys::tree_set>(child_, tree_number_);
    if (whom == stop_target::process || group_ == 0 || group_ == ::getpgrp())
        return nullptr;
    // Reaped by other code it holds no number any more.
    bool const held = !child_.is_foreign() && child_.peek() != sys::wait_outcome::lost;
    pid_t const child = held ? pid() : 0;
    if (group_ == pid() && child_.pidfd() >= 0) // kept as long as this object
        return std::make_unique<sys::group_set>(group_, child, child_.pidfd());
    sys::unique_fd leader;
    if (child != 0)
        leader = sys::open_pidfd(group_);
    // Opened by number: the child's membership, looked at afterwards, says that it is the right
    // one.
    if (group_ != pid() && ::getpgid(child) != group_)
        return nullptr;
    return std::make_unique<sys::group_set>(group_, child, std::move(leader));
}

exit_event* process_state::pending_end() noexcept
{
    for (auto const* run : {&stop_, &rest_})
        if (*run && (*run)->has_set() && !(*run)->finished())
            return &(*run)->emptied();
    return nullptr;
}

exit_event* process_state::pending_command() noexcept
{
    for (auto const* run : {&stop_, &rest_})
        if (exit_event* const done = ended_ && *run ? (*run)->command_done() : nullptr)
            return done;
    return nullptr;
}

stop_result process_state::result() const noexcept
{
    if (stop_ && (stop_->has_set() || !rest_))
        return stop_->result(record_);
    return rest_ ? rest_->result(record_) : stop_result(record_, stop_mechanism::process, 0, 0);
}

void process_state::hurry_rest()
{
    for (auto const* run : {&stop_, &rest_})
        if (*run && (ended_ || (*run)->has_set()))
            (*run)->hurry();
}

void process_state::emptied() noexcept
{
    if (!child_.reaped())
        return;
    remove_cgroup();
    if (!pending_end() && !cgroup_)
        child_.guard({});
}

void process_state::take_tree(std::unique_ptr<sys::cgroup_directory> cgroup,
                              std::uint64_t number) noexcept
{
    cgroup_ = std::move(cgroup);
    tree_number_ = number;
}

/// Whoever is last: at the end of the process, of a plan for its tree, or of this object.
void process_state::remove_cgroup() noexcept
{
    if (cgroup_ && cgroup_->remove())
        cgroup_.reset();
}

/// With its owner goes the whole of it. The directory is removed when all are dead, for which a
/// plan waits; the process itself may have ended before.
void process_state::kill_cgroup() noexcept
{
    if (!cgroup_)
        return;
    try {
        cgroup_->kill();
        stop_plan const plan = stop_plan::kill().target(stop_target::tree);
        if (ended_)
            stop_rest(plan);
        else
            at_exit_ = std::make_shared<stop_plan const>(plan);
    } catch (std::exception const&) { // out of memory: the directory is removed later
    }
}

error_code process_state::begin_stop(stop_plan plan, end_cause cause)
{
    check();
    if (ended_)
        return stop_rest(std::move(plan));
    if (stop_)
        return {};
    auto set = make_set(plan.target());
    auto run = std::make_shared<stop_run>(*this, std::move(plan), std::move(set));
    add_waiter(); // the plan is itself one that waits, until the end has come
    auto const nothing_begun = [this] {
        cause_ = end_cause::itself;
        stop_stage_.reset();
        remove_waiter();
    };
    cause_ = cause;
    try {
        if (error_code const ec = run->begin()) {
            nothing_begun();
            return ec == errc::already_ended ? error_code() : ec;
        }
    } catch (...) {
        nothing_begun();
        throw;
    }
    stop_ = std::move(run);
    return {};
}

void process_state::guard(time_guards guards, stop_plan plan)
{
    if (auto const old = std::exchange(guards_, nullptr))
        old->end();
    check();
    if (ended_ || guards.empty())
        return;
    auto const run = std::make_shared<guard_run>(*this, std::move(guards), std::move(plan));
    try {
        run->start();
    } catch (...) {
        run->end();
        throw;
    }
    guards_ = run;
}

std::optional<std::chrono::nanoseconds> process_state::cpu_time() const noexcept
{
    if (ended_ || child_.pid() == 0)
        return std::nullopt;
    auto const used = sys::process_cpu_time(child_.pid());
    // Asked after the look: if it has not been reaped by now the number was its own.
    sys::wait_outcome const now = child_.peek();
    bool const was_its_own =
        child_.is_foreign() ? now == sys::wait_outcome::running : now != sys::wait_outcome::lost;
    return was_its_own ? used : std::nullopt;
}

/// For a process that has ended and was reaped, whose group or tree may be left.
error_code process_state::stop_rest(stop_plan plan)
{
    if (rest_ || pending_end())
        return {};
    auto set = make_set(plan.target());
    if (!set || set->surely_empty())
        return {};
    rest_ = std::make_shared<stop_run>(*this, std::move(plan), std::move(set));
    rest_->begin_with_rest(true);
    rest_->target_ended();
    return {};
}

} // namespace execasio::detail
