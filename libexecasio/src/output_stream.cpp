#include "execasio/output_stream.hpp"

#include "output_stream_impl.hpp"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

namespace execasio {

output_stream::output_stream(executor_type executor, int fd)
{
    impl_ = std::make_shared<impl>(detail::stream_end(std::move(executor), sys::unique_fd(fd)));
}

output_stream::output_stream(std::shared_ptr<asio::posix::stream_descriptor> terminal)
    : impl_(std::make_shared<impl>(detail::stream_end(std::move(terminal))))
{
}

bool output_stream::is_open() const noexcept
{
    return impl_ && impl_->fd.is_open();
}

output_stream::executor_type output_stream::get_executor() const
{
    if (!impl_)
        throw boost::system::system_error(errc::not_piped);
    return impl_->fd.get_executor();
}

output_stream& output_stream::time_limit(clock::duration limit) noexcept
{
    if (impl_)
        impl_->limit = limit;
    return *this;
}

// The coroutines below own what they work on: the handle may be gone before they complete.

asio::awaitable<std::size_t> output_stream::read_some(asio::mutable_buffer buffer)
{
    return impl::read_some(impl_, buffer, std::nullopt);
}

asio::awaitable<std::size_t> output_stream::read_some(asio::mutable_buffer buffer,
                                                      clock::time_point deadline)
{
    return impl::read_some(impl_, buffer, deadline);
}

asio::awaitable<std::optional<std::string>> output_stream::read_line(std::size_t max)
{
    return impl::read_line(impl_, max);
}

asio::awaitable<std::string> output_stream::read_all(std::size_t limit)
{
    return impl::read_all(impl_, limit);
}

asio::awaitable<void> output_stream::wait_readable()
{
    return impl::wait_readable(impl_);
}

std::size_t output_stream::try_read(asio::mutable_buffer buffer, error_code& ec)
{
    ec = {};
    if (!impl_) {
        ec = errc::not_piped;
        return 0;
    }
    if (impl_->buffered() != 0)
        return impl_->take_buffered(buffer);
    return impl_->read_now(buffer, ec);
}

std::size_t output_stream::available() const noexcept
{
    // A terminal counts only what has reached its line discipline; this is all its buffers hold.
    constexpr std::size_t terminal_buffers = 128 * 1024;
    if (is_open() && impl_->fd.is_terminal())
        return terminal_buffers;
    int size = 0;
    if (!is_open() || ::ioctl(impl_->fd.native_handle(), FIONREAD, &size) != 0 || size < 0)
        return 0;
    return static_cast<std::size_t>(size);
}

std::size_t output_stream::buffered() const noexcept
{
    return impl_ ? impl_->buffered() : 0;
}

std::size_t output_stream::capacity() const noexcept
{
    int const size = is_open() ? ::fcntl(impl_->fd.native_handle(), F_GETPIPE_SZ) : -1;
    return size < 0 ? 0 : static_cast<std::size_t>(size);
}

bool output_stream::has_writer() const noexcept
{
    if (!is_open())
        return false;
    pollfd p{impl_->fd.native_handle(), POLLIN, 0};
    int ready;
    do { // it may be interrupted even though it does not wait
        ready = ::poll(&p, 1, 0);
    } while (ready < 0 && errno == EINTR);
    return ready >= 0 && (p.revents & POLLHUP) == 0;
}

std::uint64_t output_stream::total() const noexcept
{
    return impl_ ? impl_->total : 0;
}

void output_stream::cancel() noexcept
{
    if (impl_)
        impl_->fd.cancel();
}

void output_stream::close() noexcept
{
    if (impl_)
        impl_->fd.close();
}

int output_stream::native_handle() const noexcept
{
    return is_open() ? impl_->fd.native_handle() : -1;
}

bool output_stream::has_read_ahead() const noexcept
{
    return impl_ && impl_->buffered() != 0;
}

bool output_stream::meant_for_other(error_code ec, unsigned cancellations) const noexcept
{
    return impl_->fd.meant_for_other(ec, cancellations);
}

unsigned output_stream::cancellations() const noexcept
{
    return impl_->fd.cancellations();
}

asio::posix::stream_descriptor& output_stream::descriptor() const
{
    return impl_->fd.descriptor();
}

void output_stream_access::watch(output_stream const& stream, output_watcher watcher)
{
    if (!stream.impl_)
        throw boost::system::system_error(errc::not_piped);
    output_stream::impl& s = *stream.impl_;
    s.show({}); // to be rid of those who have lost interest, should nothing ever come
    if (s.buffered() == 0 || watcher({s.ahead.data() + s.ahead_begin, s.buffered()}))
        s.watchers.push_back(std::move(watcher));
}

std::size_t output_stream_access::read_ahead(output_stream const& stream, error_code& ec)
{
    return stream.impl_->read_ahead_now(ec);
}

asio::awaitable<void> output_stream_access::wait_for_more(output_stream stream)
{
    if (!stream.is_open())
        throw boost::system::system_error(errc::not_piped);
    co_await stream.impl_->fd.wait(asio::posix::descriptor_base::wait_read,
                                   output_stream::clock::time_point::max());
}

} // namespace execasio
