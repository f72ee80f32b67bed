// What a process has been given by whoever started it.

#include "script.hpp"

#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char** environ;

namespace puppet {
namespace {

void show_arguments(script& words)
{
    say(words.program());
    while (words.more())
        say("[" + words.next() + "]");
}

void show_environment(script&)
{
    for (char** entry = environ; *entry; ++entry)
        say(*entry);
}

void show_variable(script& words)
{
    char const* const value = std::getenv(words.next().c_str());
    say(value ? std::string("=") + value : "unset");
}

void show_directory(script&)
{
    std::string path(4096, '\0');
    say(::getcwd(path.data(), path.size()) ? path.data() : "none");
}

void show_ids(script&)
{
    say(std::to_string(::getpid()) + " " + std::to_string(::getpgrp()) + " " +
        std::to_string(::getsid(0)));
}

void show_descriptors(script&)
{
    std::string open;
    for (int fd = 0; fd < 4096; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0)
            open += (open.empty() ? "" : " ") + std::to_string(fd);
    say(open);
}

void show_link(script& words)
{
    std::string const path = "/proc/self/fd/" + words.next();
    std::string target(4096, '\0');
    ssize_t const n = ::readlink(path.c_str(), target.data(), target.size());
    say(n < 0 ? "closed" : target.substr(0, static_cast<std::size_t>(n)));
}

void show_umask(script&)
{
    char text[16];
    std::snprintf(text, sizeof text, "%03o", static_cast<unsigned>(::umask(0)));
    say(text);
}

void show_window(script&)
{
    winsize w{};
    say(::ioctl(STDIN_FILENO, TIOCGWINSZ, &w) != 0
            ? "none"
            : std::to_string(w.ws_row) + " " + std::to_string(w.ws_col));
}

void show_controlling_terminal(script&)
{
    int const fd = ::open("/dev/tty", O_RDWR | O_NOCTTY);
    say(fd >= 0 && ::tcgetpgrp(fd) == ::getpgrp() ? "yes" : "no");
}

void limit_core(script& words)
{
    auto const bytes = static_cast<rlim_t>(words.number());
    rlimit const limit{bytes, bytes};
    if (::setrlimit(RLIMIT_CORE, &limit) != 0)
        die("setrlimit");
}

/// Policy and real-time priority.
void show_scheduler(script&)
{
    sched_param parameter{};
    ::sched_getparam(0, &parameter);
    say(std::to_string(::sched_getscheduler(0)) + " " + std::to_string(parameter.sched_priority));
}

/// Class and level.
void show_io_priority(script&)
{
    long const value = ::syscall(SYS_ioprio_get, 1, 0);
    say(std::to_string(value >> 13) + " " + std::to_string(value & 7));
}

void show_parent_death_signal(script&)
{
    int armed = 0;
    ::prctl(PR_GET_PDEATHSIG, &armed);
    say(std::to_string(armed));
}

} // namespace

std::span<verb const> state_verbs()
{
    static constexpr verb verbs[] = {
        {"args", show_arguments},
        {"env", show_environment},
        {"getenv", show_variable},
        {"pwd", show_directory},
        {"ids", show_ids},
        {"fds", show_descriptors},
        {"link", show_link},
        {"umask", show_umask},
        {"window", show_window},
        {"controlling-terminal", show_controlling_terminal},
        {"core-limit", limit_core},
        {"nice", [](script&) { say(std::to_string(::getpriority(PRIO_PROCESS, 0))); }},
        {"scheduler", show_scheduler},
        {"io-priority", show_io_priority},
        {"securebits", [](script&) { say(std::to_string(::prctl(PR_GET_SECUREBITS))); }},
        {"parent-death-signal", show_parent_death_signal},
    };
    return verbs;
}

} // namespace puppet
