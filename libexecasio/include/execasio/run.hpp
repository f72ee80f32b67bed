#pragma once

#include "execasio/command.hpp"
#include "execasio/drain.hpp"
#include "execasio/exit_record.hpp"
#include "execasio/stop_plan.hpp"
#include "execasio/time_guards.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace execasio {

namespace asio = boost::asio;

/// How `run` goes about it. Setters return the object.
class run_options {
public:
    using duration = std::chrono::milliseconds;

    /// Most bytes kept of standard output, and of standard error. What exceeds it is read and
    /// dropped, so that the child is not held up. Default: 64 MiB each.
    run_options& output_limit(std::size_t bytes) { return output_limit_ = bytes, *this; }

    /// The child's standard input: this text, then its end. Default: /dev/null.
    run_options& input(std::string text) { return input_ = std::move(text), *this; }

    /// How long the process may take before it is stopped: the run time of the guards. Default: no
    /// limit.
    run_options& time_limit(duration limit) { return guards_.run_time(limit), *this; }

    /// All its time guards; takes the place of a time limit given before.
    run_options& guards(time_guards g) { return guards_ = std::move(g), *this; }

    /// How it is stopped when one of them is violated.
    run_options& stop(stop_plan plan) { return stop_ = std::move(plan), *this; }

    /// How long after the process has ended its output is awaited, which descendants may hold open
    /// for ever. Default: `drain_policy::for_time` of one second.
    run_options& drain(drain_policy policy) { return drain_ = policy, *this; }
    run_options& drain(duration time) { return drain(drain_policy::for_time(time)); }

    [[nodiscard]] std::size_t output_limit() const noexcept { return output_limit_; }
    [[nodiscard]] std::optional<std::string> const& input() const noexcept { return input_; }
    [[nodiscard]] time_guards const& guards() const noexcept { return guards_; }
    [[nodiscard]] stop_plan const& stop() const noexcept { return stop_; }
    [[nodiscard]] drain_policy const& drain() const noexcept { return drain_; }

    run_options() {} // not an aggregate (g++ 12, co_await), and none by accident

private:
    std::size_t output_limit_ = 64 * 1024 * 1024;
    std::optional<std::string> input_;
    time_guards guards_;
    stop_plan stop_;
    drain_policy drain_ = drain_policy::for_time(duration(1000));
};

struct run_result {
    exit_record how;
    captured output;
    captured error;
};

/// Runs a command to its end and keeps what it prints.
///
/// Standard output and error are captured unless the command sends them elsewhere (a file, another
/// descriptor, each other); standard input is what the options say, or the command.
///
/// @throws spawn_error, or `errc::status_lost`.
/// @par Cancellation
/// All types: the process is killed (`command::on_destroy`) and reaped in the background.
[[nodiscard]] asio::awaitable<run_result> run(command cmd, run_options options = run_options());

} // namespace execasio
