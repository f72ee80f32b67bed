#include "execasio/drain.hpp"

#include "capture.hpp"
#include "readiness.hpp"

#include <algorithm>
#include <array>

namespace execasio {

drain_policy drain_policy::for_time(duration time) noexcept
{
    return {true, std::max(time, duration::zero())};
}

namespace detail {

void keep(captured& into, char const* data, std::size_t size, std::size_t limit)
{
    into.total += size;
    into.text.append(data, std::min(size, limit - into.text.size()));
}

void settle(output_stream& stream, captured& into, drain_policy const& policy, std::size_t limit)
{
    if (!stream.is_open())
        return;
    // Looked at before the rest is taken: who has closed it by now cannot have written more.
    into.held = stream.has_writer();
    std::array<char, 64 * 1024> buffer;
    // And no more than what is there now: a descendant that goes on writing could feed this for
    // ever.
    std::size_t left = policy.takes_rest() ? stream.buffered() + stream.available() : 0;
    while (left != 0) {
        error_code ec;
        std::size_t const size =
            stream.try_read(asio::buffer(buffer, std::min(left, buffer.size())), ec);
        if (ec || size == 0)
            return;
        keep(into, buffer.data(), size, limit);
        left -= size;
    }
}

} // namespace detail

namespace {

asio::awaitable<captured> drain_stream(output_stream stream, drain_policy policy, std::size_t limit)
{
    using clock = output_stream::clock;
    captured all;
    if (!stream.is_open())
        co_return all;
    clock::time_point const deadline = detail::deadline_after(policy.time());
    std::array<char, 64 * 1024> buffer;
    while (policy.time() != policy.time().zero()) {
        if (deadline != clock::time_point::max() && clock::now() >= deadline)
            break; // there may always be data
        std::size_t size = 0;
        try {
            size = co_await stream.read_some(asio::buffer(buffer), deadline);
        } catch (boost::system::system_error const& e) {
            if (e.code() != asio::error::timed_out)
                throw;
            break;
        }
        if (size == 0)
            co_return all;
        detail::keep(all, buffer.data(), size, limit);
    }
    detail::settle(stream, all, policy, limit);
    co_return all;
}

} // namespace

asio::awaitable<captured> drain(output_stream stream, drain_policy policy, std::size_t limit)
{
    return drain_stream(std::move(stream), policy, limit);
}

} // namespace execasio
