#pragma once

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace test {

/// A pipe whose ends are closed when it goes, unless they were released.
class pipe_ends {
public:
    pipe_ends() { BOOST_REQUIRE(::pipe2(ends_, O_CLOEXEC) == 0); }
    pipe_ends(pipe_ends const&) = delete;
    pipe_ends& operator=(pipe_ends const&) = delete;
    ~pipe_ends()
    {
        close_reader();
        close_writer();
    }

    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    int release_reader() { return std::exchange(ends_[0], -1); }
    int release_writer() { return std::exchange(ends_[1], -1); }
    void close_reader() { shut(ends_[0]); }
    void close_writer() { shut(ends_[1]); }

    void write(std::string_view text) const
    {
        BOOST_REQUIRE(::write(writer(), text.data(), text.size()) ==
                      static_cast<ssize_t>(text.size()));
    }
    /// So much; blocks until it has come.
    std::string read(std::size_t size) const
    {
        std::string text(size, '\0');
        for (std::size_t done = 0; done < size;) {
            ssize_t const n = ::read(reader(), text.data() + done, size - done);
            BOOST_REQUIRE(n > 0);
            done += static_cast<std::size_t>(n);
        }
        return text;
    }

private:
    static void shut(int& fd)
    {
        if (fd >= 0)
            ::close(std::exchange(fd, -1));
    }

    int ends_[2];
};

} // namespace test
