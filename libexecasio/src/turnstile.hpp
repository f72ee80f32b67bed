#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <list>
#include <utility>

namespace execasio::detail {

namespace asio = boost::asio;

/// Lets coroutines of one strand through one at a time, in the order in which they came.
class turnstile {
public:
    /// The right to be inside; leaving is its destruction.
    class turn {
    public:
        explicit turn(turnstile* owner) noexcept : owner_(owner) {}
        turn(turn&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        turn& operator=(turn&&) = delete;
        ~turn()
        {
            if (owner_)
                owner_->leave();
        }

    private:
        turnstile* owner_;
    };

    [[nodiscard]] bool busy() const noexcept { return busy_; }

    /// @throws boost::system::system_error operation_aborted when cancelled, timed_out when it is
    ///     not through by the deadline; the place is given up.
    asio::awaitable<turn> enter(asio::any_io_executor executor,
                                std::chrono::steady_clock::time_point deadline);

private:
    struct waiter {
        asio::steady_timer called; // cancelled when it is this one's turn
        bool granted = false;
    };

    void leave() noexcept;

    bool busy_ = false;
    std::list<waiter*> waiting_;
};

} // namespace execasio::detail
