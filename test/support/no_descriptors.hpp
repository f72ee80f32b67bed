#pragma once

#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace test {

/// As long as it is there this program can open nothing more.
class no_descriptors {
public:
    /// @param most RLIMIT_NOFILE from now on.
    explicit no_descriptors(rlim_t most)
    {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = most;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        fds_.reserve(most);
        for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
            fds_.push_back(fd);
    }
    no_descriptors(no_descriptors const&) = delete;
    no_descriptors& operator=(no_descriptors const&) = delete;
    ~no_descriptors()
    {
        for (int const fd : fds_)
            ::close(fd);
    }

private:
    std::vector<int> fds_;
};

} // namespace test
