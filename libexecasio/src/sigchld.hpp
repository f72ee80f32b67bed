#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include <sys/types.h>

namespace execasio::detail {

namespace asio = boost::asio;

class process_state;

/// Learns of exits by SIGCHLD, where there are no pidfds. One for each execution context.
///
/// One signal may stand for any number of exits, so each makes it look until it finds no more.
class sigchld_service : public asio::execution_context::service {
public:
    using key_type = sigchld_service;

    static asio::execution_context::id id;

    explicit sigchld_service(asio::execution_context& context);

    /// Calls `state->check()` on its executor whenever it may have ended, until `remove`.
    void add(std::shared_ptr<process_state> const& state);
    void remove(process_state const& state) noexcept;

private:
    void shutdown() override;
    void wait_for_signal();
    void look();
    void sweep_later();
    void look_at_all();
    bool look_at_first();

    std::mutex mutex_;
    std::unordered_map<pid_t, std::shared_ptr<process_state>> states_;
    std::optional<asio::signal_set> signals_;
    std::optional<asio::steady_timer> sweep_;
    bool waiting_ = false;
    bool sweeping_ = false;
    bool shut_down_ = false;
};

} // namespace execasio::detail
