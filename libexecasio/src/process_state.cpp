#include "process_state.hpp"

#include "execasio/exit_engine.hpp"
#include "guard_run.hpp"
#include "linux/cgroup.hpp"
#include "linux/cpu_clock.hpp"
#include "linux/group_set.hpp"
#include "linux/tree_set.hpp"
#include "orphanage.hpp"
#include "sigchld.hpp"
#include "stop_run.hpp"

#include <boost/asio/query.hpp>

#include <atomic>
#include <cerrno>

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
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
      executor_(std::move(executor)),
      pidfd_(executor_),
      exited_(executor_),
      at_exit_(cmd.at_exit()),
      started_(clock::now()),
      group_signal_at_exit_(at_exit_ ? 0 : cmd.group_signal_at_exit())
{
    group_is_own_ = cmd.starts_session() || cmd.group().id() == 0;
    group_ = group_is_own_ || cmd.group().is_inherited() ? 0 : cmd.group().id();
}

process_state::process_state(asio::any_io_executor executor)
    : on_destroy(lifetime::survive),
      executor_(std::move(executor)),
      pidfd_(executor_),
      exited_(executor_),
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
    sys::own_child(child_.pid());
    child_.keep_guarded(cgroup_ != nullptr);
    if (child_.is_foreign())
        group_is_own_ = ::getpgid(child_.pid()) == child_.pid();
    if (group_is_own_)
        group_ = child_.pid();
    if (current_exit_engine() == exit_engine::sigchld && !child_.is_foreign())
        child_.forget_pidfd();
    if (child_.pidfd() < 0) {
        // Made now, so that the context shuts it down before it destroys it.
        asio::use_service<sigchld_service>(asio::query(executor_, asio::execution::context));
        return;
    }
    try {
        pidfd_.assign(child_.pidfd());
    } catch (...) { // out of memory, or of epoll's quota: a child nobody watches is nobody's
        if (!child_.is_foreign()) {
            child_.signal(SIGKILL);
            child_.reap_blocking();
        }
        ended_ = true;
        throw;
    }
}

void process_state::add_waiter()
{
    ++waiters_;
    if (!ended_ && !watching_)
        watch();
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
        asio::use_service<sigchld_service>(asio::query(executor_, asio::execution::context))
            .remove(pid());
    }
}

void process_state::watch()
{
    watching_ = true;
    if (!pidfd_.is_open()) {
        asio::use_service<sigchld_service>(asio::query(executor_, asio::execution::context))
            .add(shared_from_this());
        return;
    }
    pidfd_.async_wait(asio::posix::descriptor_base::wait_read,
                      [self = shared_from_this()](error_code ec) { self->watched(ec); });
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
        retry_ = std::make_unique<asio::steady_timer>(executor_);
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
    if ((group_signal_at_exit_ != 0 && group_ != 0) || at_exit_ || (stop_ && stop_->has_set())) {
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
    } else if (auto const remembered = child_.remembered_status()) {
        record_ = exit_record(*remembered, rusage{}, wall);
        record_.usage_known(false);
    } else {
        failure_ = errc::status_lost;
    }
    record_.cause(cause_, stop_stage_);
    finish();
}

/// While the zombie is there its group's number cannot mean another group.
void process_state::before_reap() noexcept
{
    if (group_signal_at_exit_ != 0 && group_ != 0)
        child_.signal_group(group_, group_signal_at_exit_);
    try {
        if (stop_)
            stop_->before_reap();
        if (at_exit_ && !rest_)
            begin_at_exit();
        child_.keep_guarded(pending_end() || cgroup_);
    } catch (std::exception const&) { // out of memory: what is left behind goes on
    }
}

void process_state::begin_at_exit()
{
    stop_target const whom = at_exit_->target();
    bool const done_already =
        stop_ && stop_->has_set() && stop_->whom() >= whom && stop_->has_signalled();
    auto set = done_already ? nullptr : make_set(whom);
    if (!set)
        return;
    rest_ = std::make_unique<stop_run>(*this, *at_exit_, std::move(set));
    rest_->begin_with_rest();
    rest_->before_reap();
}

/// Whom a plan acts on besides the process itself; nullptr when there is nobody.
std::unique_ptr<sys::process_set> process_state::make_set(stop_target whom)
{
    if (whom == stop_target::tree && cgroup_)
        return std::make_unique<sys::cgroup_set>(*cgroup_);
    if (whom == stop_target::tree)
        // Of a process that has been reaped nothing is known any more.
        return ended_ ? nullptr : std::make_unique<sys::tree_set>(pid(), tree_mark_);
    if (whom == stop_target::process || group_ == 0 || group_ == ::getpgrp())
        return nullptr;
    pid_t const child = child_.is_foreign() || child_.reaped() ? 0 : pid();
    sys::unique_fd leader;
    if (group_ == pid())
        leader = child_.pidfd() < 0 && child != 0 ? sys::open_pidfd(child)
                                                  : sys::copy_of(child_.pidfd());
    else if (child != 0)
        leader = sys::open_pidfd(group_);
    // Opened by number: the child's membership, looked at afterwards, says that it is the right
    // one.
    if (group_ != pid() && ::getpgid(child) != group_)
        return nullptr;
    return std::make_unique<sys::group_set>(group_, child, std::move(leader));
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
        std::optional<int> known = child_.zombie_status();
        if (!known)
            known = child_.remembered_status();
        if (!known && !patience_over_ && !child_.is_gone()) {
            if (!awaiting_reaper_ && waiters_ != 0)
                await_reaper();
            return;
        }
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

/// The kernel remembers the status once the parent has reaped the process, which it does at once as
/// a rule; not for long do we wait for that, since the end itself is news.
void process_state::await_reaper()
{
    constexpr std::chrono::milliseconds patience{50};
    awaiting_reaper_ = true;
    pidfd_.async_wait(asio::posix::descriptor_base::wait_error,
                      [self = shared_from_this()](error_code) { self->reaper_awaited(false); });
    retry_ = std::make_unique<asio::steady_timer>(executor_, patience);
    retry_->async_wait([self = shared_from_this()](error_code ec) {
        if (!ec)
            self->reaper_awaited(true);
    });
}

void process_state::reaper_awaited(bool out_of_patience)
{
    if (ended_ || !awaiting_reaper_)
        return;
    if (waiters_ == 0) { // nobody wants to know any more; who does later begins anew
        awaiting_reaper_ = false;
        watching_ = false;
        retry_->cancel();
        return;
    }
    patience_over_ = out_of_patience;
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
        asio::use_service<sigchld_service>(asio::query(executor_, asio::execution::context))
            .remove(pid());
    if (group_ != pid())
        child_.forget_pidfd(); // else still good for what is left of its group
    exited_.close();
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
}

exit_event* process_state::pending_end() noexcept
{
    for (auto const* run : {&stop_, &rest_})
        if (*run && (*run)->has_set() && !(*run)->finished())
            return &(*run)->emptied();
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
        if (*run && (*run)->has_set())
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
                              std::string mark) noexcept
{
    cgroup_ = std::move(cgroup);
    tree_mark_ = std::move(mark);
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

void process_state::change_lifetime(lifetime policy) noexcept
{
    on_destroy = policy;
    if (child_.is_foreign() || child_.reaped() || child_.pid() == 0)
        return;
    if (policy == lifetime::survive)
        child_.guard({});
    else if (!child_.is_guarded())
        child_.guard(sys::guard_entry::for_living(pid(), group_is_own_));
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

error_code process_state::begin_stop(stop_plan plan, end_cause cause)
{
    check();
    if (ended_)
        return stop_rest(std::move(plan));
    if (stop_)
        return {};
    auto set = make_set(plan.target());
    auto run = std::make_unique<stop_run>(*this, std::move(plan), std::move(set));
    cause_ = cause;
    if (error_code const ec = run->begin()) {
        cause_ = end_cause::itself;
        stop_stage_.reset();
        return ec == errc::already_ended ? error_code() : ec;
    }
    stop_ = std::move(run);
    add_waiter(); // the plan is itself one that waits, until the end has come
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
    rest_ = std::make_unique<stop_run>(*this, std::move(plan), std::move(set));
    rest_->begin_with_rest();
    rest_->target_ended();
    return {};
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
    // Not closed: a copy of the handle may still read what the process has left in a pipe.
    input = input_stream();
    output = output_stream();
    error = output_stream();
    terminal = pseudo_terminal();
    if (on_destroy == lifetime::kill)
        kill_cgroup();
    if (ended_ || child_.pid() == 0)
        return;
    if (child_.is_foreign()) {
        if (on_destroy == lifetime::kill)
            child_.signal(SIGKILL);
        return;
    }
    if (on_destroy == lifetime::kill)
        kill(stop_ ? cause_ : end_cause::dropped);
    try {
        check();
        // Reaped by the event loop, if it goes on; by the orphanage otherwise.
        if (!ended_ && on_destroy == lifetime::kill)
            add_waiter();
    } catch (std::exception const&) { // out of memory: the orphanage will do
    }
}

asio::any_io_executor executor_of(process_state const& state) noexcept
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

} // namespace detail
} // namespace execasio
