#pragma once

#include <execasio/process.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace execasio_tool {

/// The signals that are sent to end a program: SIGHUP, SIGINT, SIGQUIT and SIGTERM, without those
/// that were ignored when this one was started, as SIGHUP is under nohup(1).
class ending_signals {
public:
    struct received {
        int number;
        bool by_key; ///< typed at the terminal: its whole foreground process group has got it
    };
    using handler = std::function<void(received)>;

    /// @param on_signal Called for each, on the executor, until `close`.
    /// @throws boost::system::system_error
    ending_signals(boost::asio::any_io_executor executor, handler on_signal);
    ending_signals(ending_signals const&) = delete;
    ending_signals& operator=(ending_signals const&) = delete;
    ~ending_signals();

    void close() noexcept; ///< they have their effect again that they had before

private:
    struct impl;
    std::shared_ptr<impl> impl_;
};

/// SIGKILL for a process, and for its group if it has one of its own: a plan that is under way
/// cannot be replaced, but overtaken.
void kill_at_once(execasio::process& p) noexcept;

} // namespace execasio_tool
