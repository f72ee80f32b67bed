#pragma once

#include "execasio/error.hpp"
#include "execasio/exit_record.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <vector>

#include <sys/types.h>

namespace execasio {

namespace asio = boost::asio;

/// A small process beside this one which, should this program die, even by SIGKILL, ends at once
/// what was started by it: processes, their groups and sessions, their descendants, their cgroups.
///
/// It looks after what is spawned from its start on, except for `lifetime::survive`, by means of a
/// table in shared memory: it costs a launch or an exit no system call of this program's. A child
/// is in the table before it runs its first instruction, and out of it before it is reaped, so
/// neither is one missed nor is a stranger hit that has got its number.
///
/// The process has a session of its own, ignores what can be ignored, holds none of this program's
/// descriptors and sleeps. It is not a child of this program (where there are no pidfds it is).
/// When it is ended by somebody it is started again, the table as it was.
///
/// Waits for the guardian's own end keep the executor's context busy as long as this object lives.
///
/// @par Thread safety
/// Belongs to its executor (strand). Processes may be spawned and end in other threads.
class guardian {
public:
    /// Called when the guardian has ended although nobody here asked for it.
    /// @param how What is known of its end: nothing, perhaps, when this program is not dumpable.
    /// @param restarted Whether a new one was started: no error if so. It is tried each time, but
    ///     given up when one does not live for a second five times in a row.
    using loss_handler = std::function<void(exit_record const& how, error_code restarted)>;

    /// Starts it.
    /// @throws spawn_error, or boost::system::system_error (no shared memory).
    explicit guardian(asio::any_io_executor executor, loss_handler on_loss = {});
    guardian(guardian const&) = delete;
    guardian& operator=(guardian const&) = delete;

    /// A clean shutdown: the guardian is dismissed and reaped, and ends nobody. A program that
    /// wants its detached children to end with it keeps the object until it is gone itself.
    ~guardian();

    /// Has what is in this program's own process group ended as well, also what was left there by a
    /// process that has been reaped, `lifetime::survive` or not: what `kill_group_members` does in
    /// an orderly end. For a program that leads its group, and for as long as this object lives. Of
    /// several calls, of several guardians' as well, the last one says who is spared.
    /// @param spared Members that live on, as of `kill_group_members`; 1,024 at most. What they
    ///     start lives on as well.
    /// @throws boost::system::system_error EPERM when it does not lead its group; E2BIG.
    void include_own_group(std::vector<pid_t> const& spared = {});

    [[nodiscard]] pid_t id() const noexcept; ///< its process id; 0 when there is none any more

private:
    struct impl;

    std::shared_ptr<impl> impl_;
};

} // namespace execasio
