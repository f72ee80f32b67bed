#pragma once

#include "linux/unique_fd.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace execasio::detail {

namespace asio = boost::asio;

/// This program's end of a stream: a pipe of its own, or one direction of a terminal's master,
/// which has one descriptor for both and which only the last of its users closes.
class stream_end {
public:
    /// Takes ownership of a descriptor, also when it throws.
    stream_end(asio::any_io_executor executor, sys::unique_fd fd)
        : fd_(std::make_shared<asio::posix::stream_descriptor>(std::move(executor)))
    {
        fd_->assign(fd.get());
        static_cast<void>(fd.release());
        // Also tells Asio, which would otherwise ask the kernel at the first wait.
        fd_->non_blocking(true);
    }

    explicit stream_end(std::shared_ptr<asio::posix::stream_descriptor> terminal) noexcept
        : fd_(std::move(terminal)),
          terminal_(true)
    {
    }

    [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }
    [[nodiscard]] bool is_open() const noexcept { return !closed_ && fd_->is_open(); }
    [[nodiscard]] int native_handle() const noexcept { return fd_->native_handle(); }
    [[nodiscard]] asio::any_io_executor get_executor() const { return fd_->get_executor(); }
    [[nodiscard]] asio::posix::stream_descriptor& descriptor() const noexcept { return *fd_; }

    /// As `wait_ready`, for this end alone: not disturbed by what becomes of the other direction.
    asio::awaitable<void> wait(asio::posix::descriptor_base::wait_type what,
                               std::chrono::steady_clock::time_point deadline);

    /// Whether a wait that failed was cancelled for the other direction's sake: Asio cancels a
    /// descriptor's waits for reading and for writing together.
    /// @param cancellations As `cancellations()` was when the wait began.
    [[nodiscard]] bool meant_for_other(boost::system::error_code ec,
                                       unsigned cancellations) const noexcept
    {
        return terminal_ && ec == asio::error::operation_aborted && is_open() &&
               cancellations == cancellations_;
    }
    [[nodiscard]] unsigned cancellations() const noexcept { return cancellations_; }

    /// Makes this end's pending wait fail with operation_aborted.
    void cancel() noexcept
    {
        ++cancellations_;
        boost::system::error_code ignored; // nothing was pending
        fd_->cancel(ignored);
    }

    void close() noexcept
    {
        closed_ = true;
        boost::system::error_code ignored; // the number is free in any case
        if (terminal_)
            fd_->cancel(ignored);
        else
            fd_->close(ignored);
    }

private:
    std::shared_ptr<asio::posix::stream_descriptor> fd_;
    unsigned cancellations_ = 0;
    bool terminal_ = false;
    bool closed_ = false;
};

} // namespace execasio::detail
