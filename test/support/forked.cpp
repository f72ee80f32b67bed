#include "support/forked.hpp"

#include "support/conditions.hpp"

#include <execasio/exit_record.hpp>

#include <cerrno>
#include <cstdio>
#include <exception>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

std::string failure_in_fork(std::function<void()> const& body)
{
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    std::fflush(nullptr); // what is buffered must not come out of both
    pid_t const pid = ::fork();
    BOOST_REQUIRE(pid >= 0);
    if (pid == 0) {
        std::string failure;
        try {
            body();
        } catch (std::exception const& e) {
            failure = e.what();
        }
        if (::write(ends[1], failure.data(), failure.size()) < 0)
            std::_Exit(2);
        std::_Exit(0);
    }
    ::close(ends[1]);
    // No alarm(2) in the child: it would have no effect while a launch blocks signals.
    if (!has_ended(pid, std::chrono::seconds(60)))
        ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    // Not to its end: a child that the deadline has killed may leave processes that hold it, too.
    std::string failure;
    char text[512];
    for (ssize_t n; (n = ::read(ends[0], text, sizeof text)) > 0;)
        failure.append(text, static_cast<std::size_t>(n));
    ::close(ends[0]);
    if (status != 0)
        failure += (failure.empty() ? "" : "; ") +
                   describe(execasio::exit_record(status, rusage{}, std::chrono::nanoseconds(0)));
    return failure;
}

} // namespace test
