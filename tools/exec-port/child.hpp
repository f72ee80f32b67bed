#pragma once

#include "frame_writer.hpp"
#include "request.hpp"

#include <execasio/exit_record.hpp>
#include <execasio/input_queue.hpp>
#include <execasio/process.hpp>

#include <boost/asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace exec_port {

/// One process as the Erlang side knows it: forwards its output, takes its input, and tells of its
/// exit when all output is out. The process itself is the supervisor's.
class child : public std::enable_shared_from_this<child> {
public:
    struct limits {
        /// Most bytes of input that wait for a child that does not read.
        std::size_t input = execasio::input_queue::default_max;
        /// Most bytes of output in one event; at most output_block::data_size.
        std::size_t chunk = output_block::data_size;
    };

    /// @param on_end Called when the exit has been told; the child is of no use any more.
    child(execasio::process& p, run_options const& options, limits const& bounds,
          frame_writer& writer, std::function<void(child&)> on_end);
    child(child const&) = delete;
    child& operator=(child const&) = delete;
    ~child();

    [[nodiscard]] int os_pid() const noexcept { return os_pid_; }

    /// The VM has been told of it: begins to forward output, and may tell its end.
    void start();

    void input(std::optional<std::string> data);

    /// Whether so much more input is a reason to wait first, since much waits already.
    [[nodiscard]] bool is_behind(std::size_t size) const noexcept;

    /// Waits until it has caught up, for a moment at most. In all a second for each 64 KiB that it
    /// reads: one that never reads is not behind for longer than that.
    static asio::awaitable<void> let_it_catch_up(std::shared_ptr<child> self, std::size_t size);

    /// From now on the reported status is 0: the end was asked for.
    void stop_requested() noexcept { stopped_ = true; }

    /// The process has ended: forwards what its pipes hold at this moment (a descendant may keep
    /// them open for ever), then tells. Later rather than now if the VM does not read.
    void exited(execasio::error_code ec, execasio::exit_record const& record);

    /// Does the same without regard to the VM: the process id is wanted for a new child.
    void finish_now();

    /// Whether its end is to be told in the log, whatever that tells else.
    void traced(bool yes) noexcept { traced_ = yes; }
    [[nodiscard]] bool traced() const noexcept { return traced_; }

    /// For people: how much waits where.
    [[nodiscard]] std::string queues() const;

private:
    struct output {
        execasio::output_stream stream;
        output_stream name{};
        std::size_t left = 0; // bytes to forward after the exit
    };

    static asio::awaitable<void> forward(std::shared_ptr<child> self, output& from);
    static asio::awaitable<void> finish(std::shared_ptr<child> self);
    std::optional<std::size_t> forward_once(output& from, std::size_t max);
    void finish_while_room(bool regardless);
    void close_peer() noexcept;
    [[nodiscard]] int reported_status() const noexcept;
    [[nodiscard]] std::size_t input_mark(std::size_t size) const noexcept;

    static constexpr std::chrono::seconds full_patience{1};
    static constexpr std::uint64_t read_for_patience = 64 * 1024;

    limits limits_;
    frame_writer& writer_;
    std::function<void(child&)> on_end_;
    execasio::input_stream input_stream_; // the queue's
    std::array<output, 2> outputs_;
    execasio::input_queue input_;
    std::chrono::steady_clock::duration patience_ = full_patience;
    std::uint64_t read_before_ = 0; // when patience was full
    std::optional<int> success_exit_code_;
    int os_pid_;
    bool on_terminal_;
    int peer_ = -1; // of the terminal, which a process may close and open again as /dev/tty
    int status_ = 0;
    std::optional<std::pair<execasio::error_code, execasio::exit_record>> early_end_;
    bool started_ = false;
    bool stopped_ = false;
    bool traced_ = false;
    bool exited_ = false;
    bool told_ = false;
};

} // namespace exec_port
