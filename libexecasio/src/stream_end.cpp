#include "stream_end.hpp"

#include "readiness.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

namespace execasio::detail {

asio::awaitable<void> stream_end::wait(asio::posix::descriptor_base::wait_type what,
                                       std::chrono::steady_clock::time_point deadline)
{
    unsigned const cancellations = cancellations_;
    for (;;) {
        boost::system::error_code failed;
        try {
            co_await wait_ready(*fd_, what, deadline);
            co_return;
        } catch (boost::system::system_error const& e) {
            failed = e.code();
        }
        asio::cancellation_state const state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none ||
            !meant_for_other(failed, cancellations))
            throw boost::system::system_error(failed);
    }
}

} // namespace execasio::detail
