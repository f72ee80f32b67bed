#include "support/manager.hpp"

#include "support/conditions.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

void manager::reporter::tell(pid_t guardian) const
{
    if (::write(fd_, &guardian, sizeof guardian) != sizeof guardian)
        std::_Exit(2);
}

void manager::reporter::tell_and_wait(pid_t guardian) const
{
    tell(guardian);
    for (;;)
        ::pause();
}

manager::manager(std::function<void(reporter)> const& body)
{
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    std::fflush(nullptr);
    pid_ = ::fork();
    BOOST_REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        ::close(ends[0]);
        try {
            body(reporter(ends[1]));
        } catch (std::exception const& e) {
            std::fprintf(stderr, "manager: %s\n", e.what());
            std::_Exit(3);
        }
        std::_Exit(0);
    }
    ::close(ends[1]);
    reader_ = ends[0];
}

manager::~manager()
{
    kill();
    ::close(reader_);
}

pid_t manager::guardian() const
{
    BOOST_REQUIRE(is_readable(reader_, std::chrono::seconds(60)));
    pid_t number = 0;
    BOOST_REQUIRE(::read(reader_, &number, sizeof number) == sizeof number);
    return number;
}

void manager::kill()
{
    if (pid_ == 0)
        return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

} // namespace test
