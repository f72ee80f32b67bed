#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <string>

namespace exec_port {

namespace asio = boost::asio;

/// Starts as other users, who can hold them up: everything else goes on meanwhile. Each that is
/// under way holds a process and descriptors, so their number is limited, also for each user, who
/// is to hold up nobody else's. The rest waits in the order in which it came.
class start_queue {
public:
    static constexpr std::size_t most_under_way = 64;
    static constexpr std::size_t most_of_a_user = 16;
    static constexpr std::size_t most_waiting_of_a_user = 4096;
    static constexpr std::size_t most_waiting = 4 * most_waiting_of_a_user;
    static constexpr std::size_t most_bytes_of_a_user = std::size_t{64} * 1024 * 1024;

    /// Begins a start, which calls `done` in the end and can be cancelled by the slot.
    using starter = std::function<void(asio::cancellation_slot, std::function<void()> done)>;

    explicit start_queue(asio::any_io_executor const& executor);

    /// Begins it as soon as there is room.
    /// @param size Bytes that it takes to keep it waiting.
    /// @return False when too many wait already, of that user or of all, or too much.
    bool add(std::string const& user, std::size_t size, starter begin);

    /// Drops what waits, cancels what is under way and awaits its end.
    asio::awaitable<void> end();

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

private:
    struct entry {
        std::string user;
        std::size_t size;
        starter begin;
    };

    void no_longer_waits(entry const& e);
    void begin_next();
    void begin(entry next);

    bool beginning_ = false;
    std::list<entry> waiting_;
    std::list<asio::cancellation_signal> under_way_;
    struct numbers {
        std::size_t under_way = 0;
        std::size_t waiting = 0;
        std::size_t bytes = 0; // of those
    };
    std::map<std::string, numbers> users_; // that have any
    asio::steady_timer changed_;
};

} // namespace exec_port
