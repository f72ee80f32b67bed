#include "start_queue.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace exec_port {

start_queue::start_queue(asio::any_io_executor const& executor)
    : changed_(executor, asio::steady_timer::time_point::max())
{
}

bool start_queue::add(std::string const& user, std::size_t size, starter begin)
{
    numbers const& now = users_[user];
    if (waiting_.size() >= most_waiting || now.waiting >= most_waiting_of_a_user ||
        now.bytes + size > most_bytes_of_a_user)
        return false;
    waiting_.push_back({user, size, std::move(begin)});
    ++users_[user].waiting;
    users_[user].bytes += size;
    begin_next();
    return true;
}

void start_queue::no_longer_waits(entry const& e)
{
    --users_[e.user].waiting;
    users_[e.user].bytes -= e.size;
}

/// Each time the first whose user has not enough of them under way. From the beginning again, since
/// one may be through before its own beginning is over: who is told of that from within does not
/// begin others, or the stack would grow with their number.
void start_queue::begin_next()
{
    if (std::exchange(beginning_, true))
        return;
    struct end {
        bool& beginning;
        ~end() { beginning = false; }
    } const at_end{beginning_};
    while (under_way_.size() < most_under_way) {
        auto const next = std::find_if(waiting_.begin(), waiting_.end(), [this](entry const& e) {
            return users_[e.user].under_way < most_of_a_user;
        });
        if (next == waiting_.end())
            return;
        entry chosen = std::move(*next);
        waiting_.erase(next);
        no_longer_waits(chosen);
        ++users_[chosen.user].under_way;
        begin(std::move(chosen));
    }
}

void start_queue::begin(entry next)
{
    auto const place = under_way_.emplace(under_way_.end());
    next.begin(place->slot(), [this, place, user = next.user] {
        under_way_.erase(place);
        auto const found = users_.find(user);
        if (--found->second.under_way == 0 && found->second.waiting == 0)
            users_.erase(found);
        changed_.cancel();
        begin_next();
    });
}

asio::awaitable<void> start_queue::end()
{
    for (entry const& dropped : waiting_)
        no_longer_waits(dropped);
    waiting_.clear();
    for (auto start = under_way_.begin(); start != under_way_.end();)
        (start++)->emit(asio::cancellation_type::terminal);
    while (!under_way_.empty()) {
        boost::system::error_code woken;
        co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
}

} // namespace exec_port
