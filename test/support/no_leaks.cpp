#include "support/no_leaks.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <filesystem>
#include <iterator>

#include <sys/wait.h>

namespace test {

std::size_t open_descriptors()
{
    std::filesystem::directory_iterator const list("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(list), end(list))) - 1; // the list's own
}

bool has_children()
{
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

no_leaks::no_leaks() : descriptors_before_(open_descriptors()) {}

void no_leaks::teardown()
{
    BOOST_TEST(open_descriptors() == descriptors_before_);
    BOOST_TEST(!has_children());
}

} // namespace test
