#pragma once

#include "execasio/process.hpp"
#include "execasio/stop_plan.hpp"
#include "execasio/stop_result.hpp"
#include "linux/process_set.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace execasio::detail {

/// A stop plan that is being carried out. Owned by the state of the process it acts on; what it
/// waits for keeps that state alive, so that a plan once begun comes to its end whoever loses
/// interest.
class stop_run : public std::enable_shared_from_this<stop_run> {
public:
    /// @param set Whom the plan acts on besides the process itself; nullptr: nobody.
    stop_run(process_state& target, stop_plan plan, std::unique_ptr<sys::process_set> set);

    /// The first stage. An error, or an exception, means that nothing was begun.
    error_code begin();

    /// The first stage for those whom the process leaves behind, which has ended. The plan goes on
    /// with `target_ended`.
    /// @param long_gone It has been reaped before.
    void begin_with_rest(bool long_gone);

    /// The process has ended and is going to be reaped.
    void before_reap();

    /// To be told when the process has been reaped. A command that still runs keeps the rest of its
    /// time; so does the plan, as long as others are left.
    void target_ended() noexcept;

    /// The final SIGKILL for all that are left, without awaiting the stages before it; so for a
    /// command that has outlived them.
    void hurry();

    /// Whether it goes on after the end of the process, for others.
    [[nodiscard]] bool has_set() const noexcept { return set_ != nullptr; }
    [[nodiscard]] bool finished() const noexcept { return finished_; }
    [[nodiscard]] bool has_signalled() const noexcept { return last_signal_ != 0; }
    [[nodiscard]] stop_target whom() const noexcept { return plan_.target(); }

    /// Closed when nobody is left; only with a set.
    [[nodiscard]] exit_event& emptied() noexcept { return *emptied_; }

    /// Closed when the command that is at work has ended, or is out of time; nullptr when none is.
    [[nodiscard]] exit_event* command_done() noexcept
    {
        return command_at_work() ? &*command_done_ : nullptr;
    }

    [[nodiscard]] stop_result result(exit_record const& record) const noexcept;

private:
    error_code act(stop_plan::stage const& stage);
    error_code send(int signal);
    error_code send_to_all(int signal);
    void send_continue(int signal);
    void start_command(stop_plan::stage const& stage);
    void command_started(process command);
    void command_ended() noexcept;
    void limit_command(stop_plan::duration time);
    void end_command() noexcept;
    [[nodiscard]] bool command_at_work() const noexcept;
    void wait(stop_plan::duration time);
    void next_stage();
    void tell_stage() noexcept;
    [[nodiscard]] bool in_last_stage() const noexcept;

    void look() noexcept;
    void count_rest() noexcept;
    void watch();
    void watch(int fd, asio::posix::descriptor_base::wait_type what);
    void look_later() noexcept;
    void schedule_look();
    bool give_a_moment() noexcept;
    void finish(std::size_t left) noexcept;

    process_state& target_;
    stop_plan plan_;
    std::size_t index_ = 0;
    asio::steady_timer timer_; // of the stage
    std::optional<process> command_;
    asio::steady_timer command_timer_;                  // it may have longer than its stage
    std::optional<exit_event> command_done_;            // as long as there is one
    std::shared_ptr<asio::cancellation_signal> launch_; // of a command as another user, under way
    int last_signal_ = 0;

    // Only for a plan that acts on others as well.
    std::unique_ptr<sys::process_set> set_;
    std::optional<exit_event> emptied_;
    std::optional<asio::posix::stream_descriptor> watched_; // one that belongs to seen_, or to set_
    std::optional<asio::steady_timer> look_again_;
    std::chrono::milliseconds look_delay_{5};
    static constexpr int most_moments = 4;
    int moments_ = 0; // given to those who are dying
    sys::process_set::look seen_;
    std::size_t left_ = 0;
    bool with_rest_ = false;
    bool finished_ = false;
};

} // namespace execasio::detail
