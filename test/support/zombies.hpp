#pragma once

#include <boost/test/unit_test.hpp>

#include <cerrno>

#include <sys/wait.h>

namespace test {

/// Blocks until the child is a zombie, and leaves it one.
inline void await_zombie(pid_t pid)
{
    siginfo_t info{};
    int result;
    do {
        result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
    } while (result != 0 && errno == EINTR);
    BOOST_REQUIRE(result == 0);
}

/// Reaps a child as other code would that does not know of us.
inline int reap_behind_our_back(pid_t pid)
{
    int status = 0;
    pid_t reaped;
    do {
        reaped = ::waitpid(pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    BOOST_REQUIRE(reaped == pid);
    return status;
}

} // namespace test
