#pragma once

#include "execasio/command.hpp"
#include "execasio/exit_record.hpp"
#include "execasio/stop_plan.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
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

    /// How long the process may take before it is stopped. Default: no limit.
    run_options& time_limit(duration limit) { return time_limit_ = limit, *this; }

    /// How it is stopped then.
    run_options& stop(stop_plan plan) { return stop_ = std::move(plan), *this; }

    /// How long after the process has ended its output is awaited, which descendants may hold open
    /// for ever. What the pipes hold by then is always read. Default: one second.
    run_options& drain(duration time) { return drain_ = time, *this; }

    [[nodiscard]] std::size_t output_limit() const noexcept { return output_limit_; }
    [[nodiscard]] std::optional<std::string> const& input() const noexcept { return input_; }
    [[nodiscard]] std::optional<duration> time_limit() const noexcept { return time_limit_; }
    [[nodiscard]] stop_plan const& stop() const noexcept { return stop_; }
    [[nodiscard]] duration drain() const noexcept { return drain_; }

    run_options() {} // not an aggregate (g++ 12, co_await), and none by accident

private:
    std::size_t output_limit_ = 64 * 1024 * 1024;
    std::optional<std::string> input_;
    std::optional<duration> time_limit_;
    stop_plan stop_;
    duration drain_{1000};
};

/// What became of a stream that `run` captured.
struct captured {
    std::string text;        ///< the first bytes, up to the limit
    std::uint64_t total = 0; ///< how many there were in all
    bool held = false;       ///< a descendant still had it open when the drain time was over

    [[nodiscard]] bool truncated() const noexcept { return total > text.size(); }
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
