#pragma once

#include <atomic>
#include <cstddef>

#include <fcntl.h>

namespace execasio::detail {

/// Pipes that proved to be busy are made larger, which halves the work per byte. Few at a time: the
/// kernel counts them against a user's quota (pipe(7), pipe-user-pages-soft, 64 MiB), beyond which
/// all of the user's new pipes shrink to two pages.
class larger_pipe {
public:
    larger_pipe() = default;
    larger_pipe(larger_pipe const&) = delete;
    larger_pipe& operator=(larger_pipe const&) = delete;
    ~larger_pipe()
    {
        if (grown_)
            --count;
    }

    void after_read(int fd, std::size_t size) noexcept
    {
        constexpr unsigned full_reads_that_prove_it = 4;
        if (grown_ || size < ordinary / 2 || ++full_reads_ < full_reads_that_prove_it)
            return;
        full_reads_ = 0;
        if (count.fetch_add(1) < max_count && ::fcntl(fd, F_SETPIPE_SZ, 1024 * 1024) > 0)
            grown_ = true;
        else
            --count; // refused, no pipe, or enough already: it works as it is
    }

private:
    static constexpr std::size_t ordinary = 64 * 1024; // what a pipe holds by default
    static constexpr unsigned max_count = 32;
    static inline std::atomic<unsigned> count = 0;

    unsigned full_reads_ = 0;
    bool grown_ = false;
};

} // namespace execasio::detail
