// Runs in a copy of this process, with its descriptors: raw system calls only, compiled without
// sanitizers, as child.cpp.
#include "linux/terminal_owner.hpp"

#include "linux/all_signals_blocked.hpp"
#include "linux/silent_child.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

/// The real and the saved user stay, so that the other one can neither signal nor trace it.
int replace(int master, uid_t owner, gid_t group) noexcept
{
    if (::syscall(SYS_setresgid, -1, group, -1) != 0 ||
        ::syscall(SYS_setresuid, -1, owner, -1) != 0)
        return errno;
    long const opened =
        ::syscall(SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
    if (opened < 0)
        return errno;
    int const error = ::syscall(SYS_dup3, opened, master, O_CLOEXEC) < 0 ? errno : 0;
    ::syscall(SYS_close, opened);
    return error;
}

} // namespace

int replace_terminal_master(int master, uid_t owner, gid_t group) noexcept
{
    long pid;
    int error = 0;
    {
        all_signals_blocked const blocked; // no handler may run twice
        pid = ::syscall(SYS_clone, CLONE_FILES, 0, 0, 0, 0);
        if (pid == 0)
            ::syscall(SYS_exit_group, replace(master, owner, group));
        if (pid < 0)
            error = errno;
    }
    if (error != 0)
        return error;
    int const code = exit_code_of_silent(static_cast<pid_t>(pid));
    return code < 0 ? EINTR : code;
}

} // namespace execasio::sys
