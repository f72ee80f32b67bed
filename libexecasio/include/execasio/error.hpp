#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <type_traits>

#include <sys/types.h>

namespace execasio {

using boost::system::error_code;

/// Errors that the library itself decides. A failed system call keeps its errno instead.
enum class errc {
    /// Other code reaped the child (or SIGCHLD is ignored), so how it ended cannot be learnt.
    status_lost = 1, // 0 would read as success
    /// The child died, or was killed, before it reached execve and could say why.
    died_before_exec,
    /// A line is longer than the maximum given to `read_line`; what was read stays in the stream.
    line_too_long,
    /// More output than the limit given to `read_all`; what was read stays in the stream.
    output_too_long,
    /// The stream was not piped (or its end was given away): there is nothing to read or write.
    not_piped,
    /// The operation needs a child, and the object holds none (default constructed or moved from).
    no_process,
    /// The process has ended and was reaped: there is nothing left to signal.
    already_ended,
    /// The command has no program: it is empty, or its first word is.
    empty_command,
    /// A command, argument, path or variable has an embedded NUL, which execve would cut off at.
    embedded_nul,
    /// A variable's name is empty or contains '='.
    bad_variable_name,
    /// Standard output and standard error are each merged into the other.
    circular_merge,
    /// A descriptor number is negative, given twice, or one of the standard streams'.
    bad_descriptor,
    /// No such terminal mode, none on Linux, or a value that it cannot have.
    bad_terminal_mode,
    /// The process was not started on a pseudo terminal.
    no_terminal,
    /// The input queue holds as much as it may: wait, or give up on the child.
    input_queue_full,
    /// The process ended, or closed its output, without having become ready.
    not_ready,
    /// A process whose failure was to end its scope ended by a signal or with a code other than 0.
    member_failed,
    /// This program may not make a cgroup (version 2), or there are none.
    no_cgroup,
    /// A limit needs a cgroup controller that is not to be had where the cgroup is made.
    no_controller,
    /// No account of this name; or none of this number, where its name or its files are needed.
    no_such_user,
    /// No group of this name, or a number that no group can have.
    no_such_group,
    /// A user given by a number that no account has: which group it is in must be said.
    no_primary_group,
    /// No capability of this name, or a number above 63.
    no_such_capability,
    /// The kernel accepted a change of identity, but what it says then is something else.
    identity_not_verified,
};

/// The category of `errc`; compares with the portable conditions of `boost::system::errc`.
boost::system::error_category const& error_category() noexcept;

inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), error_category()};
}

/// The step of a launch that failed, in the order in which the steps are taken.
enum class stage {
    none,        ///< no failure
    command,     ///< the command itself is invalid (errc says why); nothing was done
    search,      ///< the program was not found in PATH
    open_input,  ///< the file for standard input
    open_output, ///< the file for standard output
    open_error,  ///< the file for standard error
    pipe_input,  ///< the pipe for standard input
    pipe_output, ///< the pipe for standard output
    pipe_error,  ///< the pipe for standard error
    terminal,    ///< the pseudo terminal: opening it, its modes and size, or taking control of it
    cgroup,      ///< making the cgroup, setting its limits, or being born into it
    initializer, ///< a Boost.Process initializer refused (`on_setup` or `on_exec_setup`)
    clone,       ///< no new process (EAGAIN: RLIMIT_NPROC or pids.max; ENOMEM)
    session,     ///< setsid
    group,       ///< setpgid: EPERM for a group that does not exist in this session
    descriptors, ///< the standard streams or extra descriptors in the child
    directory,   ///< chdir
    limits,      ///< resource limits, I/O priority, scheduler, CPUs, oom_score_adj (EPERM: raised)
    nice,        ///< setpriority
    credentials, ///< user and groups: no such account, or not permitted (EPERM)
    /// Capability sets, secure bits, no_new_privs; EPERM: not held by the parent.
    capabilities,
    /// The signal at the parent's death.
    death_signal,
    exec,  ///< execve
    watch, ///< the exit cannot be watched (epoll or descriptor limit); the child was killed
};

/// The name of a stage as it appears in messages, such as "exec".
char const* to_string(stage s) noexcept;

/// A launch that failed: which step, and why. No process, zombie or descriptor is left behind.
class spawn_error : public boost::system::system_error {
public:
    /// @param pid The process id that the failed child had; 0 when none was born.
    spawn_error(stage where, error_code why, std::string const& subject, pid_t pid = 0);

    [[nodiscard]] stage where() const noexcept { return where_; }

    /// The number that the failed child had, only good for messages: it has been reaped.
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    stage where_;
    pid_t pid_;
};

} // namespace execasio

template <>
struct boost::system::is_error_code_enum<execasio::errc> : std::true_type {
};
