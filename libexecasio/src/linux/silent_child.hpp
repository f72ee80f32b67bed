#pragma once

#include <cerrno>

#include <sys/types.h>
#include <sys/wait.h>

namespace execasio::sys {

/// Waits for a child that was made without an exit signal, so that neither SIGCHLD nor a wait(2) of
/// other code is concerned.
/// @return Its exit code; negative when it did not come to its exit.
inline int exit_code_of_silent(pid_t pid) noexcept
{
    siginfo_t info{};
    int waited;
    do {
        waited = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | __WALL);
    } while (waited != 0 && errno == EINTR);
    return waited == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
}

} // namespace execasio::sys
