#include "start_queue.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace exec_port {

start_queue::start_queue(asio::any_io_executor const& executor)
    : changed_(executor, asio::steady_timer::time_point::max())
{
}

bool start_queue::add(std::string const& user, starter begin)
{
    if (waiting_.size() >= most_waiting)
        return false;
    waiting_.push_back({user, std::move(begin)});
    begin_next();
    return true;
}

/// The first whose user has not enough of them under way.
void start_queue::begin_next()
{
    for (auto next = waiting_.begin();
         next != waiting_.end() && under_way_.size() < most_under_way;) {
        auto const user = users_.find(next->user);
        if (user != users_.end() && user->second >= most_of_a_user) {
            ++next;
            continue;
        }
        entry chosen = std::move(*next);
        next = waiting_.erase(next);
        begin(std::move(chosen));
    }
}

void start_queue::begin(entry next)
{
    auto const place = under_way_.emplace(under_way_.end());
    ++users_[next.user];
    next.begin(place->slot(), [this, place, user = next.user] {
        under_way_.erase(place);
        if (auto const found = users_.find(user); --found->second == 0)
            users_.erase(found);
        changed_.cancel();
        begin_next();
    });
}

asio::awaitable<void> start_queue::end()
{
    waiting_.clear();
    for (auto start = under_way_.begin(); start != under_way_.end();)
        (start++)->emit(asio::cancellation_type::terminal);
    while (!under_way_.empty()) {
        boost::system::error_code woken;
        co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
}

} // namespace exec_port
