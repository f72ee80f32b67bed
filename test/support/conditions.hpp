#pragma once

#include "support/run_coroutine.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <string>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace test {

/// A time that no passing test spends.
constexpr auto never = std::chrono::hours(1);

/// Lets the event loop take all the turns that it has work for now.
inline asio::awaitable<void> some_turns()
{
    auto const executor = co_await asio::this_coro::executor;
    for (int i = 0; i < 10; ++i)
        co_await asio::post(executor, asio::use_awaitable);
}

/// Holds what a coroutine has until its context goes.
inline asio::awaitable<void> for_ever()
{
    auto const executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
    co_await timer.async_wait(asio::use_awaitable);
}

/// Awaits what the kernel has no event for, by looking again and again; fails at a deadline.
template <class Condition>
asio::awaitable<void> until(Condition condition,
                            std::chrono::milliseconds deadline = std::chrono::seconds(20),
                            boost::source_location where = BOOST_CURRENT_LOCATION)
{
    auto const executor = co_await asio::this_coro::executor;
    auto const end = std::chrono::steady_clock::now() + scaled(deadline);
    asio::steady_timer look_again(executor);
    while (!condition()) {
        BOOST_TEST_INFO("waiting at " << where);
        BOOST_REQUIRE(std::chrono::steady_clock::now() < end);
        look_again.expires_after(std::chrono::milliseconds(1));
        co_await look_again.async_wait(asio::use_awaitable);
    }
}

/// Whether a descriptor has something to be read; waits for that up to a limit, blocking the
/// thread.
inline bool is_readable(int fd, std::chrono::milliseconds limit)
{
    auto const end = std::chrono::steady_clock::now() + scaled(limit);
    pollfd p{fd, POLLIN, 0};
    int result;
    do { // a signal may interrupt it
        auto const left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        result = ::poll(&p, 1, static_cast<int>(std::max(left, left.zero()).count()));
    } while (result < 0 && errno == EINTR);
    return result == 1;
}

/// Whether a process has ended (a zombie has); waits for that up to a limit, blocking the thread.
inline bool has_ended(pid_t pid, std::chrono::milliseconds limit = std::chrono::milliseconds(0))
{
    int const pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0)
        return true; // reaped
    bool const ended = is_readable(pidfd, limit);
    ::close(pidfd);
    return ended;
}

/// What proc(5) says of a process in its status, such as "State" or "FDSize"; empty when it is
/// gone.
inline std::string status_of(pid_t pid, std::string const& field)
{
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(field + ":\t"))
            return line.substr(field.size() + 2);
    return "";
}

inline bool is_in_state(pid_t pid, char state)
{
    return status_of(pid, "State").starts_with(state);
}

/// CPU time that this process has used.
inline std::chrono::nanoseconds own_cpu_time()
{
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

/// CPU time that this process uses in a time in which nothing happens, which is the point: it is
/// there to be measured.
inline asio::awaitable<std::chrono::nanoseconds> cpu_time_within(std::chrono::milliseconds time)
{
    auto const executor = co_await asio::this_coro::executor;
    asio::steady_timer window(executor, time);
    auto const before = own_cpu_time();
    co_await window.async_wait(asio::use_awaitable);
    co_return own_cpu_time() - before;
}

/// Resident memory of this process, in bytes.
inline std::size_t own_memory()
{
    return std::stoul(status_of(::getpid(), "VmRSS")) * 1024;
}

} // namespace test
