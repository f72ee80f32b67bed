#include "output_stream_impl.hpp"

#include "linux/last_error.hpp"
#include "linux/terminal_read.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace execasio {
namespace {

/// For reads that could go on for as long as there is always data.
void require_time(output_stream::clock::time_point deadline)
{
    if (deadline != output_stream::clock::time_point::max() &&
        output_stream::clock::now() >= deadline)
        throw boost::system::system_error(asio::error::timed_out, "read");
}

template <class Impl>
void require_open(std::shared_ptr<Impl> const& impl)
{
    if (!impl || !impl->fd.is_open())
        throw boost::system::system_error(errc::not_piped);
}

} // namespace

std::size_t output_stream::impl::take_buffered(asio::mutable_buffer target)
{
    std::size_t const size = std::min(buffered(), target.size());
    std::memcpy(target.data(), ahead.data() + ahead_begin, size);
    drop(size);
    return size;
}

void output_stream::impl::drop(std::size_t size)
{
    ahead_begin += size;
    if (ahead_begin == ahead.size()) {
        ahead.clear();
        ahead_begin = 0;
    }
}

std::size_t output_stream::impl::read_now(asio::mutable_buffer target, error_code& ec)
{
    ec = {};
    if (!fd.is_open()) {
        ec = errc::not_piped;
        return 0;
    }
    auto const read_some = [this, target] {
        ssize_t result;
        do {
            result = ::read(fd.native_handle(), target.data(), target.size());
        } while (result < 0 && errno == EINTR);
        return result;
    };
    bool const terminal = fd.is_terminal();
    ssize_t const result = terminal ? sys::read_until_hangup(read_some) : read_some();
    if (result < 0 && errno == EIO && terminal)
        return 0; // nobody has the other side open any more
    if (result < 0) {
        ec = errno == EAGAIN ? make_error_code(asio::error::would_block) : sys::last_error();
        return 0;
    }
    auto const size = static_cast<std::size_t>(result);
    total += size;
    pipe.after_read(fd.native_handle(), size);
    if (!watchers.empty())
        show({static_cast<char const*>(target.data()), size});
    return size;
}

void output_stream::impl::show(std::string_view data)
{
    std::erase_if(watchers, [data](output_watcher const& see) { return !see(data); });
}

std::size_t output_stream::impl::read_ahead_now(error_code& ec)
{
    constexpr std::size_t chunk = 64 * 1024; // what a pipe holds by default
    std::size_t const before = ahead.size();
    ahead.resize(before + chunk);
    std::size_t const size = read_now(asio::buffer(ahead.data() + before, chunk), ec);
    ahead.resize(before + size);
    return size;
}

asio::awaitable<void> output_stream::impl::give_way(std::shared_ptr<impl> self)
{
    self->loop.reset();
    unsigned const cancellations = self->fd.cancellations();
    co_await asio::post(self->fd.get_executor(), asio::use_awaitable);
    if (!self->fd.is_open() || self->fd.cancellations() != cancellations)
        throw boost::system::system_error(asio::error::operation_aborted, "read");
}

asio::awaitable<std::size_t> output_stream::impl::read(std::shared_ptr<impl> self,
                                                       asio::mutable_buffer target,
                                                       clock::time_point deadline)
{
    require_open(self);
    if (target.size() == 0)
        co_return 0;
    if (self->loop.spent())
        co_await give_way(self);
    for (;;) {
        error_code ec;
        std::size_t const size = self->read_now(target, ec);
        if (!ec) {
            self->loop.count(size);
            co_return size;
        }
        if (ec != asio::error::would_block)
            throw boost::system::system_error(ec, "read");
        self->loop.reset();
        co_await self->fd.wait(asio::posix::descriptor_base::wait_read, deadline);
    }
}

asio::awaitable<std::size_t>
output_stream::impl::read_some(std::shared_ptr<impl> self, asio::mutable_buffer target,
                               std::optional<clock::time_point> deadline)
{
    if (self && self->buffered() != 0)
        co_return self->take_buffered(target);
    require_open(self);
    if (!deadline)
        deadline = detail::deadline_after(self->limit);
    co_return co_await read(self, target, *deadline);
}

asio::awaitable<bool> output_stream::impl::fill(std::shared_ptr<impl> self,
                                                clock::time_point deadline)
{
    if (self->loop.spent())
        co_await give_way(self);
    if (self->ahead_begin != 0) {
        self->ahead.erase(0, self->ahead_begin);
        self->ahead_begin = 0;
    }
    std::size_t const before = self->ahead.size();
    // Waits before it makes room, so that a stream that says nothing costs no buffer. The old
    // content stays whole if the wait throws.
    for (;;) {
        error_code ec;
        std::size_t const size = self->read_ahead_now(ec);
        if (!ec) {
            self->loop.count(size);
            co_return size != 0;
        }
        if (ec != asio::error::would_block)
            throw boost::system::system_error(ec, "read");
        self->loop.reset();
        if (before == 0)
            self->ahead.shrink_to_fit();
        co_await self->fd.wait(asio::posix::descriptor_base::wait_read, deadline);
    }
}

asio::awaitable<std::optional<std::string>>
output_stream::impl::read_line(std::shared_ptr<impl> self, std::size_t max)
{
    if (!self || (!self->fd.is_open() && self->buffered() == 0))
        throw boost::system::system_error(errc::not_piped);
    clock::time_point const deadline = detail::deadline_after(self->limit);
    if (self->loop.spent() && self->fd.is_open())
        co_await give_way(self);
    std::size_t searched = 0; // relative to ahead_begin, which moves when more is read
    for (bool first = true;; first = false) {
        std::size_t const end = self->ahead.find('\n', self->ahead_begin + searched);
        bool const complete = end != std::string::npos;
        std::size_t const size = complete ? end - self->ahead_begin : self->buffered();
        if (size > max)
            throw boost::system::system_error(errc::line_too_long);
        if (complete) {
            std::string line = self->ahead.substr(self->ahead_begin, size);
            self->drop(size + 1);
            self->loop.count_line();
            co_return line;
        }
        searched = size;
        if (!first)
            require_time(deadline);
        bool more = false;
        if (self->fd.is_open())
            more = co_await fill(self, deadline);
        if (more)
            continue;
        if (self->buffered() == 0)
            co_return std::nullopt;
        std::string last = self->ahead.substr(self->ahead_begin);
        self->drop(last.size());
        co_return last;
    }
}

asio::awaitable<std::string> output_stream::impl::read_all(std::shared_ptr<impl> self,
                                                           std::size_t limit)
{
    require_open(self);
    clock::time_point const deadline = detail::deadline_after(self->limit);
    for (bool first = true;; first = false) {
        if (self->buffered() > limit)
            throw boost::system::system_error(errc::output_too_long);
        if (!first)
            require_time(deadline);
        bool const more = co_await fill(self, deadline);
        if (more)
            continue;
        std::string all = self->ahead.substr(self->ahead_begin);
        self->drop(all.size());
        co_return all;
    }
}

asio::awaitable<void> output_stream::impl::wait_readable(std::shared_ptr<impl> self)
{
    if (self && self->buffered() != 0)
        co_return;
    require_open(self);
    clock::time_point const deadline = detail::deadline_after(self->limit);
    co_await self->fd.wait(asio::posix::descriptor_base::wait_read, deadline);
}

} // namespace execasio
