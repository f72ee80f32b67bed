#pragma once

#include "execasio/guardian.hpp"
#include "execasio/process.hpp"
#include "execasio/stop_plan.hpp"
#include "execasio/time_guards.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace execasio {

/// The set of a program's live processes, each with the plan by which it is stopped: finds them,
/// tells of their exits and ends them all.
///
/// @par Thread safety
/// Belongs to its executor (strand), as do the processes in it.
class supervisor {
public:
    /// Called on the executor when a process has ended and was reaped, and has left the set.
    /// `ec` is `errc::status_lost` when there is no record. The process object is the handler's:
    /// it may be moved away, or its streams copied to read what they still hold.
    using exit_handler = std::function<void(process& p, error_code ec, exit_record const& record)>;

    explicit supervisor(asio::any_io_executor executor, exit_handler on_exit = {});
    supervisor(supervisor const&) = delete;
    supervisor& operator=(supervisor const&) = delete;
    ~supervisor(); ///< drops all processes: see `lifetime`. No handler is called any more.

    /// Spawns and adds. Waits, up to the deadline, for a child that changes its identity; to wait
    /// for it on the event loop: `add(co_await async_spawn(executor, command, use_awaitable))`.
    /// @param guards Those that are violated begin the plan: see `guard`.
    /// @throws spawn_error, or what `guard` throws; the process is killed then.
    process& spawn(command const& cmd, stop_plan plan = stop_plan(),
                   time_guards guards = time_guards());

    /// @param p A process that has not been seen to end, of the same executor.
    /// @throws boost::system::system_error EEXIST when the set has that very process already.
    process& add(process p, stop_plan plan = stop_plan(), time_guards guards = time_guards());

    /// Starts a guardian: what is spawned from now on, anywhere in this program, ends with it even
    /// if it is killed. It is dismissed when a shutdown has come to its end, and with this object.
    /// @return It, as long as that.
    /// @throws as the guardian's constructor
    guardian& start_guardian(guardian::loss_handler on_loss = {});
    [[nodiscard]] pid_t guardian_id() const noexcept; ///< 0 when there is none

    /// nullptr when no process of that id is in the set.
    [[nodiscard]] process* find(pid_t id) noexcept;
    [[nodiscard]] std::vector<pid_t> ids() const; ///< in ascending order
    [[nodiscard]] std::size_t size() const noexcept;

    /// Begins the process's stop plan: see `request_stop`.
    /// @return `errc::no_process` when it is not in the set.
    error_code stop(pid_t id);

    /// Begins all stop plans at once and completes when no process is left, nor a command of a
    /// plan. After `bound` what is left is killed, and another second later given up (a process in
    /// an uninterruptible system call cannot be killed). A process that may not be signalled, a
    /// foreign one of another user, is given up at once and lives on.
    /// @return How many were given up: 0 as a rule.
    /// @par Cancellation
    /// All types: the plans that were begun go on.
    [[nodiscard]] asio::awaitable<std::size_t> shutdown(std::chrono::milliseconds bound);

private:
    struct impl;

    std::shared_ptr<impl> impl_;
};

} // namespace execasio
