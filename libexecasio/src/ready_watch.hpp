#pragma once

#include "execasio/ready.hpp"
#include "linux/unique_fd.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace execasio {

struct readiness::notification {
    sys::unique_fd reader;
    sys::unique_fd writer; ///< kept open, since the command goes on naming its number
};

namespace detail {

class process_state;

/// Looks for a process's readiness in the background, until it is stopped.
class ready_watch : public std::enable_shared_from_this<ready_watch> {
public:
    /// @param on_ready Called at most once, never from within `start`, not after `stop`.
    ready_watch(process_state& target, readiness how, std::function<void()> on_ready);

    /// @throws boost::system::system_error
    void start();
    void stop() noexcept;

    /// The stream that the lines are on; one that is not open for other kinds.
    static output_stream stream_of(process_state const& target, readiness const& how) noexcept;

private:
    class line_finder;
    template <class Protocol>
    struct attempt;

    void watch_lines(output_stream const& stream);
    void watch_descriptor();
    void await_descriptor();
    void try_socket();
    template <class Protocol>
    void try_endpoint(typename Protocol::endpoint const& to);
    void try_later();
    void found();

    process_state& target_; // used by `start` only
    asio::any_io_executor executor_;
    readiness how_;
    std::function<void()> on_ready_;
    asio::posix::stream_descriptor notification_;
    asio::steady_timer pause_;
    std::function<void()> cancel_attempt_;
    std::chrono::milliseconds delay_{10}; // no faster than that
    bool other_address_ = false;
    bool stopped_ = false;
};

} // namespace detail
} // namespace execasio
