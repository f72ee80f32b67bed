#pragma once

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace test {

/// A program that cannot be executed yet: as long as this process has a lease on it, the kernel
/// holds up everybody who opens it. So a child gets stuck right before the end of its way.
class held_program {
public:
    explicit held_program(std::filesystem::path const& original)
        : old_handler_(::signal(SIGIO, SIG_IGN)) // what tells of somebody who waits for the lease
    {
        int const fd = ::mkstemp(path_.data());
        BOOST_REQUIRE(fd >= 0);
        ::close(fd);
        std::filesystem::copy_file(original, path_,
                                   std::filesystem::copy_options::overwrite_existing);
        std::filesystem::permissions(path_, std::filesystem::perms(0755));
        fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        held_ = ::fcntl(fd_, F_SETLEASE, F_WRLCK) == 0;
        if (!held_)
            BOOST_TEST_MESSAGE("skipped: no leases on files in /tmp");
    }
    held_program(held_program const&) = delete;
    held_program& operator=(held_program const&) = delete;
    ~held_program()
    {
        release();
        ::close(fd_);
        ::unlink(path_.c_str());
        ::signal(SIGIO, old_handler_);
    }

    bool held() const { return held_; }
    std::string const& path() const { return path_; }
    void release() const { ::fcntl(fd_, F_SETLEASE, F_UNLCK); }

private:
    void (*old_handler_)(int);
    std::string path_ = "/tmp/execasio-test-XXXXXX";
    int fd_ = -1;
    bool held_ = false;
};

} // namespace test
