#pragma once

#include <signal.h>

namespace execasio::sys {

/// Whether a stop plan sends SIGCONT after a signal: a stopped process would keep it pending.
/// Whether it is stopped is not asked: it could be a moment later, and the question costs more than
/// the signal. What stops or continues a process by itself is left alone.
constexpr bool is_followed_by_continue(int number) noexcept
{
    switch (number) {
    case 0: // no signal, a question
    case SIGKILL:
    case SIGCONT:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: return false;
    default: return true;
    }
}

} // namespace execasio::sys
