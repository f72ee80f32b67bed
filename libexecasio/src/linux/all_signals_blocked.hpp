#pragma once

#include <csignal>
#include <cstdint>

#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {

/// Blocks every signal of the calling thread, glibc's own two (32 and 33) included: a handler of
/// the parent's must never run in the child, and a cancelled thread must not leave it half made.
class all_signals_blocked {
public:
    all_signals_blocked() noexcept
    {
        std::uint64_t const all = ~std::uint64_t{0};
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof before_);
    }
    all_signals_blocked(all_signals_blocked const&) = delete;
    all_signals_blocked& operator=(all_signals_blocked const&) = delete;
    ~all_signals_blocked()
    {
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_);
    }
    [[nodiscard]] std::uint64_t before() const noexcept { return before_; }

private:
    std::uint64_t before_ = 0;
};

} // namespace execasio::sys
