#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <functional>
#include <list>

namespace exec_port {

namespace asio = boost::asio;

/// Puts replies into the order of their requests, also where one is known later than those after
/// it.
///
/// erlexec's Erlang side needs that: it numbers all requests alike, and takes each reply for that
/// to the oldest request which has none.
class reply_order {
public:
    /// Sends a reply, and whatever has to come right behind it.
    using sender = std::function<void()>;

private:
    struct entry {
        sender send; // empty: not known yet
        std::size_t size;
    };

public:
    /// Where a reply will go that is not known yet.
    using place = std::list<entry>::iterator;

    /// From here on requests have to wait: so many bytes of replies wait for one before them.
    static constexpr std::size_t high_water = 16 * 1024 * 1024;

    explicit reply_order(asio::any_io_executor const& executor);

    /// Sends a reply that is known: now, or when all before it have been.
    void add(std::size_t size, sender send);

    [[nodiscard]] place reserve();

    /// Once for each place.
    void fill(place where, std::size_t size, sender send);

    [[nodiscard]] bool has_room() const noexcept { return waiting_size_ < high_water; }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

    /// Completes when there is room, or at `wake`.
    asio::awaitable<void> wait_for_room();
    void wake() { room_.cancel(); }

private:
    void send_known();

    std::list<entry> waiting_;
    std::size_t waiting_size_ = 0;
    asio::steady_timer room_; // never expires: cancelled when there is room again
};

} // namespace exec_port
