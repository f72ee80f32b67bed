// Other processes: children, daemons, a tracee. The parent skips what its child does, up to "join".

#include "script.hpp"

#include <cstdlib>

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace puppet {
namespace {

pid_t forked()
{
    pid_t const pid = ::fork();
    if (pid < 0)
        die("fork");
    return pid;
}

void fork_here(script& words)
{
    if (forked() != 0)
        words.skip_to_join();
}

void fork_session(script& words)
{
    if (forked() == 0)
        ::setsid();
    else
        words.skip_to_join();
}

/// A child that has a session of its own and no parent. Whoever started it bears another name then.
void daemonize(script& words)
{
    pid_t const pid = forked();
    if (pid == 0) {
        ::setsid();
        if (::fork() > 0)
            std::_Exit(0);
        return;
    }
    ::waitpid(pid, nullptr, 0);
    ::prctl(PR_SET_NAME, "has-daemon");
    words.skip_to_join();
}

/// A family that never stands still: each generation starts the next one and ends. Not faster than
/// an init process can bury them, and not for ever, should nobody catch it.
[[noreturn]] void flee(bool new_session)
{
    for (int generation = 0; generation < 3000; ++generation) {
        ::usleep(1000);
        if (forked() > 0)
            std::_Exit(0);
        if (new_session)
            ::setsid();
    }
    std::_Exit(0);
}

/// Becomes a process's tracer, which then gets to see its zombie first, until the input ends.
void trace(script& words)
{
    if (::ptrace(PTRACE_SEIZE, static_cast<pid_t>(words.number()), nullptr, nullptr) != 0) {
        say("refused");
        return;
    }
    say("traced");
    for (char byte; ::read(STDIN_FILENO, &byte, 1) > 0;)
        continue;
}

} // namespace

std::span<verb const> family_verbs()
{
    static constexpr verb verbs[] = {
        {"fork", fork_here},
        {"fork-session", fork_session},
        {"daemon", daemonize},
        {"flee", [](script&) { flee(false); }},
        {"flee-sessions", [](script&) { flee(true); }},
        {"new-session", [](script&) { ::setsid(); }},
        {"join", [](script&) { std::_Exit(0); }},
        {"trace", trace},
    };
    return verbs;
}

} // namespace puppet
