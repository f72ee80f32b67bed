#pragma once

#include "execasio/stop_plan.hpp"
#include "execasio/time_guards.hpp"
#include "ready_watch.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace execasio::detail {

class process_state;

/// Time guards that are in force. Owned by the state of the process, which what waits here keeps
/// alive in turn; ended by the first violation, the process's end, or when nothing is left to
/// watch.
class guard_run : public std::enable_shared_from_this<guard_run> {
public:
    using clock = std::chrono::steady_clock;

    guard_run(process_state& target, time_guards guards, stop_plan plan);

    /// @throws boost::system::system_error
    void start();

    /// No guard acts after that.
    void end() noexcept;

private:
    template <class Handler>
    void at(asio::steady_timer& timer, clock::time_point when, Handler handler);
    void violated(end_cause cause);
    void done();
    void start_readiness();
    void look_at_output();
    void look_at_cpu();
    [[nodiscard]] std::uint64_t written() const noexcept;
    [[nodiscard]] bool may_wait_for_reader() const noexcept;
    [[nodiscard]] bool has_output() const noexcept;

    process_state& target_;
    time_guards guards_;
    stop_plan plan_;
    asio::steady_timer run_timer_;
    asio::steady_timer ready_timer_;
    asio::steady_timer idle_timer_;
    asio::steady_timer cpu_timer_;
    std::shared_ptr<ready_watch> ready_;
    clock::time_point last_sign_; // of life
    clock::time_point look_due_;
    std::uint64_t written_ = 0;
    std::chrono::nanoseconds cpu_used_{};
    clock::duration cpu_pause_{};
    unsigned left_ = 0; // guards that still watch
    bool waiting_ = false;
};

} // namespace execasio::detail
