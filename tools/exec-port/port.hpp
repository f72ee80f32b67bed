#pragma once

#include "child.hpp"
#include "command_line.hpp"
#include "frame_reader.hpp"
#include "frame_writer.hpp"
#include "reply_order.hpp"
#include "request.hpp"
#include "rights.hpp"
#include "start_queue.hpp"

#include <execasio/subreaper.hpp>
#include <execasio/supervisor.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace exec_port {

/// The port: takes requests, acts on them through the library, answers, and cleans up at the end.
class port {
public:
    /// @param others Who was in its process group before it, and lives on after it.
    port(asio::io_context& context, settings const& s, rights const& r,
         std::vector<pid_t> const& others = {});

    /// Serves until the end of input, a shutdown request or a signal, and cleans up.
    /// @return The program's exit code.
    int run();

private:
    asio::awaitable<void> serve();
    asio::awaitable<void> shut_down();
    void end(int code);
    void reap_orphans();
    void start_guardian(std::vector<pid_t> const& others);
    void dump_when_asked();
    void dump() const;

    // One for each alternative of request_body.
    void handle(std::int64_t id, run_request const& r);
    void handle(std::int64_t id, manage_request const& r);
    void handle(std::int64_t id, stop_request const& r);
    void handle(std::int64_t id, kill_request const& r);
    void handle(std::int64_t id, list_request const& r);
    void handle(std::int64_t id, stdin_request const& r);
    void handle(std::int64_t id, winsz_request const& r);
    void handle(std::int64_t id, pty_opts_request const& r);
    void handle(std::int64_t id, setpgid_request const& r);
    void handle(std::int64_t id, debug_request const& r);
    void handle(std::int64_t id, shutdown_request const& r);
    void handle(std::int64_t id, refusal const& r);

    /// Where a reply goes: in the order of the requests, or to a place that was kept for it.
    struct reply_to {
        std::int64_t id;
        /// Empty when it has been used.
        std::shared_ptr<std::optional<reply_order::place>> place = nullptr;
    };

    [[nodiscard]] bool may_join(int group);
    void begin_start(std::int64_t id, run_request const& r, execasio::command cmd);
    asio::awaitable<void> run_later(reply_to to, run_request r, execasio::command cmd);
    void answer(std::int64_t id, execasio::error_code ec);
    void refuse(reply_to const& to, refusal const& why);
    void reply(std::int64_t id, std::string payload);
    void reply(reply_to const& to, std::size_t size, reply_order::sender send);
    void tell_of_start(int os_pid, run_request const& r) const;
    void introduce(reply_to const& to, execasio::process p, run_options const& options,
                   std::optional<execasio::credentials> const& owner = std::nullopt);
    void announce(std::int64_t id, std::shared_ptr<child> const& c);
    void ended(execasio::process& p, execasio::error_code ec, execasio::exit_record const& record);
    [[nodiscard]] std::shared_ptr<child> find(int os_pid) const;

    asio::io_context& context_;
    settings settings_;
    rights rights_;
    framing frames_;
    frame_reader reader_;
    frame_writer writer_;
    std::map<int, std::shared_ptr<child>> children_; // also those whose end is not told yet
    std::map<int, std::shared_ptr<child>> newborn_;  // that the VM has not been told of
    reply_order replies_;
    std::optional<execasio::orphan_reaper> orphan_reaper_;
    execasio::supervisor supervisor_;
    start_queue starts_; // of processes of other users
    asio::signal_set signals_;
    asio::signal_set dump_signal_; // SIGUSR1
    int exit_code_ = 0;
    bool ending_ = false;
};

} // namespace exec_port
