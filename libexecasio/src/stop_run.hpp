#pragma once

#include "execasio/process.hpp"
#include "execasio/stop_plan.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>

namespace execasio::detail {

/// A stop plan that is being carried out. Owned by the state of the process it acts on; its timer
/// keeps that state alive, so that a plan once begun comes to its end whoever loses interest.
class stop_run {
public:
    stop_run(process_state& target, stop_plan plan);

    /// The first stage. An error means that nothing was begun.
    error_code begin();

    /// To be told when the process has ended. A command that still runs keeps the rest of its time.
    void target_ended() noexcept;
    void command_ended() noexcept;

private:
    error_code act(stop_plan::stage const& stage);
    error_code send(int signal);
    void start_command(stop_plan::stage const& stage);
    void wait(stop_plan::duration time);
    void next_stage();

    process_state& target_;
    stop_plan plan_;
    std::size_t index_ = 0;
    asio::steady_timer timer_;
    std::optional<process> command_;
};

} // namespace execasio::detail
