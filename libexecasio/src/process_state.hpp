#pragma once

#include "execasio/process.hpp"
#include "execasio/stop_plan.hpp"
#include "execasio/stop_result.hpp"
#include "execasio/time_guards.hpp"
#include "linux/child_handle.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace execasio::sys {
class cgroup_directory;
class process_set;
} // namespace execasio::sys

namespace execasio::detail {

class guard_run;
class sigchld_service;
class stop_run;

/// What is known of one child; shared by its `process` and by the operations that are under way.
class process_state : public std::enable_shared_from_this<process_state> {
public:
    using clock = std::chrono::steady_clock;

    process_state(asio::any_io_executor executor, command const& cmd);
    process_state(process_state const&) = delete;
    process_state& operator=(process_state const&) = delete;
    ~process_state(); ///< a child that is not reaped becomes the orphanage's

    /// For a process that this library did not start.
    explicit process_state(asio::any_io_executor executor);

    /// Takes over the child that was born. (Or the foreign process.)
    /// @throws boost::system::system_error when its end cannot be watched; a child is killed then.
    void take(sys::child_handle child);

    /// Before `take`: what the child's descendants will be found by.
    void take_tree(std::unique_ptr<sys::cgroup_directory> cgroup, std::uint64_t number) noexcept;

    [[nodiscard]] asio::any_io_executor const& executor() noexcept
    {
        return exited_.get_executor();
    }
    [[nodiscard]] pid_t pid() const noexcept { return child_.pid(); }
    [[nodiscard]] pid_t group() const noexcept { return group_; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    [[nodiscard]] exit_record const& record() const noexcept { return record_; }
    [[nodiscard]] error_code const& failure() const noexcept { return failure_; }

    [[nodiscard]] exit_event& exited() noexcept { return exited_; }

    // The exit is only watched while somebody waits for it, so that a process nobody asks for does
    // not keep the event loop running. While it is watched this object is kept alive.
    void add_waiter();
    void remove_waiter() noexcept;

    /// Reaps the child if it has ended, and tells everybody.
    void check();

    error_code signal(int number) const noexcept;
    error_code signal_group(int number) const noexcept;

    /// @param cause Told in the record, unless a plan is under way.
    error_code begin_stop(stop_plan plan, end_cause cause);
    [[nodiscard]] bool stopping() const noexcept { return stop_ || rest_; }
    void stop_stage(std::size_t index) noexcept { stop_stage_ = index; }

    /// Replaces the time guards; none are in force when it throws.
    void guard(time_guards guards, stop_plan plan);

    [[nodiscard]] clock::time_point started() const noexcept { return started_; }

    /// Used so far by the process itself; nullopt when it has been reaped.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> cpu_time() const noexcept;

    /// Closed when a plan for more than the process has come to its end; nullptr when none is under
    /// way any more.
    [[nodiscard]] exit_event* pending_end() noexcept;

    /// The same for a plan's command that goes on after the process has ended.
    [[nodiscard]] exit_event* pending_command() noexcept;

    /// What came of the stop plan.
    [[nodiscard]] stop_result result() const noexcept;

    /// SIGKILL, now, for all that a plan for more than the process still waits for; of a process
    /// that has ended for the plan's command as well.
    void hurry_rest();

    /// Nobody is left whom such a plan acts on.
    void emptied() noexcept;

    /// SIGKILL for the process, and for its group if that is its own.
    void kill(end_cause cause) noexcept;

    /// Changes what becomes of the child with its owner, and with this program.
    void change_lifetime(lifetime policy) noexcept;

    /// The end of the handle that owned the child.
    void abandon() noexcept;

    input_stream input;
    output_stream output;
    output_stream error;
    pseudo_terminal terminal;
    lifetime on_destroy;

private:
    void watch();
    void watched(error_code ec);
    void retry_later();
    void check_foreign();
    bool wait_for_reaper();
    void await_reaper();
    void reaper_awaited(bool cancelled);
    void before_reap() noexcept;
    void begin_at_exit();
    error_code stop_rest(stop_plan plan);
    void remove_cgroup() noexcept;
    void kill_cgroup() noexcept;
    std::unique_ptr<sys::process_set> make_set(stop_target whom);
    void finish();
    sigchld_service& sigchld();
    [[nodiscard]] bool readable_now() const noexcept;

    sys::child_handle child_;
    asio::posix::stream_descriptor pidfd_; // the same number as child_'s, which owns it
    exit_event exited_;
    std::shared_ptr<stop_run> stop_;
    std::shared_ptr<guard_run> guards_;
    std::shared_ptr<stop_run> rest_; // for those whom the process has left behind
    std::shared_ptr<stop_plan const> at_exit_;
    std::unique_ptr<sys::cgroup_directory> cgroup_;
    std::uint64_t tree_number_ = 0; // 0: not tracked
    std::unique_ptr<asio::steady_timer> retry_;
    std::chrono::milliseconds retry_delay_{1};
    clock::time_point started_;
    std::optional<clock::time_point> seen_ended_; // one that others reap
    exit_record record_;
    error_code failure_;
    std::optional<std::size_t> stop_stage_;
    end_cause cause_ = end_cause::itself;
    std::size_t waiters_ = 0;
    pid_t group_ = 0;
    int group_signal_at_exit_;
    bool group_is_own_ = false;
    bool watching_ = false;
    bool awaiting_reaper_ = false; // a foreign process has ended, its status is not known yet
    bool ended_ = false;
};

/// Awaits the end; throws what `process::async_wait` reports.
asio::awaitable<exit_record> wait_for(std::shared_ptr<process_state> state);

} // namespace execasio::detail
