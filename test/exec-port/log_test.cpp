#include "log.hpp"

#include "support/forked.hpp"
#include "support/temporary_file.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

using exec_port::log;
using test::ensure;
using test::failure_in_fork;

namespace {

std::string read_all(int fd)
{
    std::string all;
    char buffer[4096];
    for (ssize_t size; (size = ::read(fd, buffer, sizeof buffer)) > 0;)
        all.append(buffer, static_cast<std::size_t>(size));
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(a_terminal_that_nobody_reads_holds_up_nobody)
{
    BOOST_TEST(failure_in_fork([] {
                   int const master = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
                   ensure(master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0, "pty");
                   int const slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
                   ensure(slave >= 0 && ::dup2(slave, STDERR_FILENO) == STDERR_FILENO, "slave");
                   log::to_terminal();
                   for (int i = 0; i < 1000; ++i)
                       log::error(std::string(100, 'x'));
                   std::string const first = read_all(master);
                   ensure(first.find("exec-port: xxx") != std::string::npos, first);
                   ensure((::fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0, "flags");
                   log::error("there is room again");
                   std::string const second = read_all(master);
                   ensure(second.find(" messages are lost") != std::string::npos, second);
                   ensure(second.find("there is room again") != std::string::npos, second);
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_device_that_takes_nothing_holds_up_nobody)
{
    BOOST_TEST(failure_in_fork([] {
                   ensure(log::to_file("/dev/full") == 0, "/dev/full");
                   for (int i = 0; i < 1000; ++i)
                       log::error("lost");
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_line_that_was_cut_off_by_a_full_disk_stays_apart_from_the_next)
{
    test::temporary_file const target;
    BOOST_TEST(failure_in_fork([&] {
                   ensure(log::to_file(target.path()) == 0, "file");
                   log::error("first " + std::string(200, 'x'));
                   ::signal(SIGXFSZ, SIG_IGN);
                   rlimit const full{300, RLIM_INFINITY};
                   ensure(::setrlimit(RLIMIT_FSIZE, &full) == 0, "limit");
                   log::error("second " + std::string(200, 'y')); // in part
                   log::error("third");                           // not at all
                   rlimit const free{RLIM_INFINITY, RLIM_INFINITY};
                   ensure(::setrlimit(RLIMIT_FSIZE, &free) == 0, "limit");
                   log::error("fourth");
                   log::error("fifth");
                   std::ifstream file(target.path());
                   for (char const* const end :
                        {"xxx", "yyy", ": 2 messages are lost", ": fourth", ": fifth"}) {
                       std::string line;
                       ensure(std::getline(file, line) && line.ends_with(end), line);
                   }
               }) == "");
}

BOOST_AUTO_TEST_SUITE_END()
