#pragma once

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace execasio::sys {

/// Sole owner of a file descriptor. Move-only; holds -1 when empty.
class unique_fd {
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept
    {
        reset(other.release());
        return *this;
    }
    ~unique_fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    void reset(int fd = -1) noexcept
    {
        // EINTR is not retried: Linux has freed the number by then, a retry could close a stranger.
        if (int const old = std::exchange(fd_, fd); old >= 0)
            ::close(old);
    }

private:
    int fd_ = -1;
};

/// A duplicate, close-on-exec; empty when there is nothing to duplicate, or no number left.
inline unique_fd copy_of(int fd) noexcept
{
    return unique_fd(fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1);
}

} // namespace execasio::sys
