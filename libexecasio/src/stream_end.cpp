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
        // Asio cancels a descriptor's waits for reading and for writing together, so on a terminal
        // it may have been the other direction that was meant.
        asio::cancellation_state const state = co_await asio::this_coro::cancellation_state;
        bool const meant_here = !terminal_ || !is_open() || cancellations != cancellations_ ||
                                state.cancelled() != asio::cancellation_type::none;
        if (meant_here || failed != asio::error::operation_aborted)
            throw boost::system::system_error(failed);
    }
}

} // namespace execasio::detail
