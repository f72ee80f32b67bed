#include "turnstile.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace execasio::detail {

asio::awaitable<turnstile::turn> turnstile::enter(asio::any_io_executor executor,
                                                  std::chrono::steady_clock::time_point deadline)
{
    if (!busy_) {
        busy_ = true;
        co_return turn(this);
    }
    waiter self{asio::steady_timer(executor, deadline)};
    auto const place = waiting_.insert(waiting_.end(), &self);
    // Destroyed while it waits (the whole context goes): no pointer to it may stay behind.
    struct removal {
        turnstile& owner;
        std::list<waiter*>::iterator place;
        waiter& self;
        ~removal()
        {
            if (!self.granted)
                owner.waiting_.erase(place);
        }
    } const remove{*this, place, self};
    boost::system::error_code ended; // none: the deadline has passed
    co_await self.called.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    if (!self.granted)
        throw boost::system::system_error(ended ? ended : make_error_code(asio::error::timed_out));
    co_return turn(this);
}

void turnstile::leave() noexcept
{
    if (waiting_.empty()) {
        busy_ = false;
        return;
    }
    waiter* const next = waiting_.front();
    waiting_.pop_front();
    next->granted = true;
    next->called.cancel();
}

} // namespace execasio::detail
