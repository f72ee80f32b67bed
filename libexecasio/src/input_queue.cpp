#include "execasio/input_queue.hpp"

#include "raise_flag.hpp"
#include "turnstile.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <deque>

namespace execasio {

struct input_queue::impl : std::enable_shared_from_this<impl> {
    impl(input_stream s, std::size_t m)
        : stream(std::move(s)),
          changed(stream.get_executor(), asio::steady_timer::time_point::max()),
          max(m)
    {
    }

    /// Writes what is queued, in the background, until nothing is left.
    static asio::awaitable<void> write_all(std::shared_ptr<impl> self)
    {
        while (!self->waiting.empty()) {
            std::string const& front = self->waiting.front();
            co_await self->stream.write(asio::buffer(front));
            self->size -= front.size();
            self->waiting.pop_front();
            self->changed.cancel();
        }
        if (self->finished)
            co_await self->stream.finish(); // on a terminal that is something to be written, too
        // Here and not in the handler below, which comes later: a push in between starts anew.
        self->writing = false;
        if (self->finished)
            self->end();
    }

    void start_writing()
    {
        detail::raise_flag(writing, [this] {
            asio::co_spawn(stream.get_executor(), write_all(shared_from_this()),
                           [self = shared_from_this()](std::exception_ptr failure) {
                               if (!failure)
                                   return;
                               self->writing = false;
                               self->end();
                           });
        });
    }

    void end() noexcept
    {
        finished = true;
        stream.close();
        waiting.clear();
        size = 0;
        changed.cancel();
    }

    [[nodiscard]] bool is_open() const noexcept { return !finished && stream.is_open(); }

    /// @param torn It is the rest of what has been written in part: nothing else may follow that.
    void take(std::string data, bool torn)
    {
        // Small pieces go together: each by itself would cost many times its size. The first may be
        // being written.
        constexpr std::size_t piece = 64 * 1024;
        std::size_t const added = data.size();
        try {
            if (waiting.size() > 1 && waiting.back().size() + added <= piece)
                waiting.back() += data;
            else
                waiting.push_back(std::move(data));
        } catch (...) {
            if (torn)
                end();
            throw;
        }
        size += added;
    }

    static asio::awaitable<void> wait_for_change(std::shared_ptr<impl> self);
    static asio::awaitable<void> wait_below(std::shared_ptr<impl> self, std::size_t mark);
    static asio::awaitable<bool> wait_below(std::shared_ptr<impl> self, std::size_t mark,
                                            std::chrono::steady_clock::time_point deadline);
    static asio::awaitable<void> send(std::shared_ptr<impl> self, std::string data);

    input_stream stream;
    std::deque<std::string> waiting;
    asio::steady_timer changed; // never expires: cancelled when the queue gets shorter
    detail::turnstile senders;
    std::size_t max;
    std::size_t high_mark = default_high_water_mark;
    std::size_t size = 0;
    bool writing = false;
    bool finished = false;
};

input_queue::input_queue(input_stream stream, std::size_t max)
    : impl_(std::make_shared<impl>(std::move(stream), max))
{
}

error_code input_queue::push(std::string data)
{
    if (!is_open())
        return make_error_code(errc::not_piped);
    if (data.empty())
        return {};
    if (data.size() > impl_->max - impl_->size)
        return make_error_code(errc::input_queue_full);
    bool torn = false;
    if (!impl_->writing && impl_->waiting.empty()) {
        error_code ec;
        std::size_t const written = impl_->stream.try_write(asio::buffer(data), ec);
        if (ec) {
            impl_->end();
            return {}; // as any data the child did not live to read
        }
        if (written == data.size())
            return {};
        data.erase(0, written);
        torn = written != 0;
    }
    impl_->take(std::move(data), torn);
    if (!impl_->writing)
        impl_->start_writing();
    return {};
}

void input_queue::finish()
{
    if (!impl_ || impl_->finished)
        return;
    detail::raise_flag(impl_->finished, [this] {
        if (!impl_->writing)
            impl_->start_writing();
    });
}

void input_queue::close() noexcept
{
    // A write that is under way holds the front of the queue: it fails, and the rest goes with it.
    if (!impl_)
        return;
    impl_->finished = true;
    impl_->stream.close();
    if (!impl_->writing)
        impl_->end();
}

bool input_queue::is_open() const noexcept
{
    return impl_ && impl_->is_open();
}

std::size_t input_queue::size() const noexcept
{
    return impl_ ? impl_->size : 0;
}

std::size_t input_queue::max() const noexcept
{
    return impl_ ? impl_->max : 0;
}

void input_queue::high_water_mark(std::size_t bytes) noexcept
{
    if (!impl_)
        return;
    impl_->high_mark = bytes;
    impl_->changed.cancel(); // those who wait look again
}

std::size_t input_queue::high_water_mark() const noexcept
{
    return impl_ ? impl_->high_mark : 0;
}

bool input_queue::is_high() const noexcept
{
    return impl_ && impl_->size > impl_->high_mark;
}

asio::awaitable<void> input_queue::impl::wait_for_change(std::shared_ptr<impl> self)
{
    error_code woken;
    co_await self->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    asio::cancellation_state const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
}

asio::awaitable<void> input_queue::impl::wait_below(std::shared_ptr<impl> self, std::size_t mark)
{
    while (self && self->size > mark)
        co_await wait_for_change(self);
}

asio::awaitable<bool> input_queue::impl::wait_below(std::shared_ptr<impl> self, std::size_t mark,
                                                    std::chrono::steady_clock::time_point deadline)
{
    if (!self || self->size <= mark)
        co_return true;
    asio::steady_timer clock(self->stream.get_executor(), deadline);
    clock.async_wait([self](error_code ec) {
        if (!ec)
            self->changed.cancel(); // all who wait look again
    });
    while (self->size > mark && std::chrono::steady_clock::now() < deadline)
        co_await wait_for_change(self);
    co_return self->size <= mark;
}

asio::awaitable<void> input_queue::impl::send(std::shared_ptr<impl> self, std::string data)
{
    if (!self || !self->is_open())
        throw boost::system::system_error(errc::not_piped);
    if (data.size() > self->max)
        throw boost::system::system_error(errc::input_queue_full);
    auto const turn = co_await self->senders.enter(self->stream.get_executor(),
                                                   std::chrono::steady_clock::time_point::max());
    // Looked at again after each change: the mark may move, too.
    while (self->size > std::min(self->high_mark, self->max - data.size()))
        co_await wait_for_change(self);
    input_queue queue;
    queue.impl_ = self;
    if (error_code const ec = queue.push(std::move(data)))
        throw boost::system::system_error(ec);
}

asio::awaitable<void> input_queue::wait_below(std::size_t mark)
{
    return impl::wait_below(impl_, mark);
}

asio::awaitable<bool> input_queue::wait_below(std::size_t mark,
                                              std::chrono::steady_clock::time_point deadline)
{
    return impl::wait_below(impl_, mark, deadline);
}

asio::awaitable<void> input_queue::send(std::string data)
{
    return impl::send(impl_, std::move(data));
}

} // namespace execasio
