#pragma once

#include "execasio/spawn.hpp"
#include "launch_plan.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <memory>
#include <optional>

namespace execasio::detail {

/// A launch whose end is awaited on the event loop.
class pending_launch : public std::enable_shared_from_this<pending_launch> {
public:
    pending_launch(asio::any_io_executor executor, command cmd);
    pending_launch(pending_launch const&) = delete;
    pending_launch& operator=(pending_launch const&) = delete;
    ~pending_launch(); ///< a child that is still on its way to exec is killed

    void begin();
    void cancel(); ///< kills the child; `finished` when it has ended

    [[nodiscard]] bool finished() const noexcept { return finished_; }
    [[nodiscard]] exit_event& done() noexcept { return done_; }

    /// The outcome, once.
    process take(std::exception_ptr& failure) noexcept;

private:
    void start();
    void await_report();
    void reported();
    void give_up(error_code why);
    void end(error_code why);
    void finish();

    asio::any_io_executor executor_;
    command cmd_;
    std::optional<launch_plan> plan_;
    std::shared_ptr<process_state> state_;
    std::optional<newborn> newborn_;
    asio::posix::stream_descriptor report_; // the same number as newborn_'s, which owns it
    asio::steady_timer deadline_;
    exit_event done_;
    error_code why_;      // it was given up
    bool ending_ = false; // the child has been killed, its end is awaited
    std::exception_ptr failure_;
    process process_;
    bool finished_ = false;
};

} // namespace execasio::detail
