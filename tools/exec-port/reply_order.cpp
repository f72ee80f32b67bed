#include "reply_order.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace exec_port {
namespace {

/// What a reply that waits takes beside its own bytes: the closure that sends it, and a child.
constexpr std::size_t overhead = 1024;

} // namespace

reply_order::reply_order(asio::any_io_executor const& executor)
    : room_(executor, asio::steady_timer::time_point::max())
{
}

void reply_order::add(std::size_t size, sender send)
{
    if (waiting_.empty())
        send();
    else
        fill(reserve(), size, std::move(send));
}

reply_order::place reply_order::reserve()
{
    waiting_size_ += overhead;
    return waiting_.insert(waiting_.end(), {nullptr, overhead});
}

void reply_order::fill(place where, std::size_t size, sender send)
{
    waiting_size_ += size;
    where->size += size;
    where->send = std::move(send);
    send_known();
}

void reply_order::send_known()
{
    bool const had_room = has_room();
    while (!waiting_.empty() && waiting_.front().send) {
        entry const first = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_size_ -= first.size;
        first.send();
    }
    if (!had_room && has_room())
        wake();
}

asio::awaitable<void> reply_order::wait_for_room()
{
    if (has_room())
        co_return;
    boost::system::error_code woken;
    co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

} // namespace exec_port
