#include "readiness.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace execasio::detail {

std::chrono::steady_clock::time_point
deadline_after(std::chrono::steady_clock::duration limit) noexcept
{
    constexpr auto never = std::chrono::steady_clock::time_point::max();
    auto const now = std::chrono::steady_clock::now();
    return limit >= never - now ? never : now + limit;
}

asio::awaitable<void> wait_ready(asio::posix::stream_descriptor& fd,
                                 asio::posix::descriptor_base::wait_type what,
                                 std::chrono::steady_clock::time_point deadline)
{
    if (deadline == std::chrono::steady_clock::time_point::max()) {
        co_await fd.async_wait(what, asio::use_awaitable);
        co_return;
    }
    asio::steady_timer timer(fd.get_executor(), deadline);
    auto [order, wait_error, timer_error] =
        co_await asio::experimental::make_parallel_group(fd.async_wait(what, asio::deferred),
                                                         timer.async_wait(asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (!wait_error)
        co_return; // possibly in the same instant as the timer
    // The wait failed by itself, or was cancelled: with the timer (its error says so), or by it.
    bool const expired = order[0] == 1 && !timer_error;
    throw boost::system::system_error(expired ? make_error_code(asio::error::timed_out)
                                              : wait_error);
}

} // namespace execasio::detail
