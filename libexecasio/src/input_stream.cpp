#include "execasio/input_stream.hpp"

#include "linux/last_error.hpp"
#include "linux/newer_kernel.hpp"
#include "linux/terminal.hpp"
#include "readiness.hpp"
#include "stream_end.hpp"
#include "turnstile.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace execasio {
namespace {

/// As write(2), with RWF_NOSIGNAL.
/// @return False when the kernel, or a filter, does not know it.
bool write_nosignal(int fd, asio::const_buffer data, ssize_t& result) noexcept
{
    static std::atomic<bool> refused = false;
    if (refused.load(std::memory_order_relaxed))
        return false;
    constexpr long at_current_position = -1;
    iovec const vector{const_cast<void*>(data.data()), data.size()};
    result = ::syscall(SYS_pwritev2, fd, &vector, 1, at_current_position, at_current_position,
                       sys::rwf_nosignal);
    if (result >= 0 ||
        (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS && errno != EPERM))
        return true;
    refused.store(true, std::memory_order_relaxed);
    return false;
}

/// write(2) that cannot raise SIGPIPE. Pipes know no MSG_NOSIGNAL, and a library must not change
/// the program's disposition: so where the kernel does not help, the signal, which goes to the
/// writing thread, is held back and taken away.
ssize_t write_without_sigpipe(int fd, asio::const_buffer data) noexcept
{
    ssize_t unsignaled = 0;
    do {
        if (!write_nosignal(fd, data, unsignaled))
            break;
        if (unsignaled >= 0 || errno != EINTR)
            return unsignaled;
    } while (true);
    sigset_t pipe_signal;
    sigset_t before;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    bool was_pending = false; // only possible where it was blocked
    if (::sigismember(&before, SIGPIPE)) {
        sigset_t pending;
        ::sigpending(&pending);
        was_pending = ::sigismember(&pending, SIGPIPE) == 1;
    }
    ssize_t result;
    do {
        result = ::write(fd, data.data(), data.size());
    } while (result < 0 && errno == EINTR);
    int const error = errno;
    // One that was pending before is the caller's own: leave it.
    if (result < 0 && error == EPIPE && !was_pending) {
        timespec const at_once{};
        while (::sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return result;
}

} // namespace

struct input_stream::impl {
    explicit impl(detail::stream_end end) : fd(std::move(end)) {}

    std::size_t write_now(asio::const_buffer data, error_code& ec)
    {
        ec = {};
        if (!fd.is_open()) {
            ec = errc::not_piped;
            return 0;
        }
        ssize_t const result = write_without_sigpipe(fd.native_handle(), data);
        if (result >= 0) {
            total += static_cast<std::size_t>(result);
            if (result > 0)
                last = static_cast<char const*>(data.data())[result - 1];
            return static_cast<std::size_t>(result);
        }
        if (errno == EAGAIN) {
            ec = asio::error::would_block;
            return 0;
        }
        // A socket whose reader has gone with something unread; all the same to who writes.
        if (errno == ECONNRESET)
            errno = EPIPE;
        ec = sys::last_error();
        why_closed = ec;
        fd.close(); // nobody reads any more: not worth a second try
        return 0;
    }

    static asio::awaitable<void> write(std::shared_ptr<impl> self, asio::const_buffer data);
    static asio::awaitable<void> write_in_turn(std::shared_ptr<impl> self, asio::const_buffer data,
                                               clock::time_point deadline);
    static asio::awaitable<void> finish(std::shared_ptr<impl> self);

    detail::stream_end fd;
    detail::turnstile turns;
    detail::fairness loop;
    clock::duration limit = clock::duration::max();
    error_code why_closed = asio::error::operation_aborted; // for the writes begun before
    std::uint64_t total = 0;
    char last = '\n'; // the byte written last
};

asio::awaitable<void> input_stream::impl::write(std::shared_ptr<impl> self, asio::const_buffer data)
{
    if (!self || !self->fd.is_open())
        throw boost::system::system_error(errc::not_piped);
    clock::time_point const deadline = detail::deadline_after(self->limit);
    auto const turn = co_await self->turns.enter(self->fd.get_executor(), deadline);
    co_await write_in_turn(self, data, deadline);
}

asio::awaitable<void> input_stream::impl::write_in_turn(std::shared_ptr<impl> self,
                                                        asio::const_buffer data,
                                                        clock::time_point deadline)
{
    while (data.size() != 0) {
        if (!self->fd.is_open())
            throw boost::system::system_error(self->why_closed, "write");
        error_code ec;
        std::size_t const size = self->write_now(data, ec);
        data += size;
        if (ec == asio::error::would_block) {
            self->loop.reset();
            co_await self->fd.wait(asio::posix::descriptor_base::wait_write, deadline);
        } else if (ec) {
            throw boost::system::system_error(ec, "write");
        } else if (self->loop.count(size); self->loop.spent()) {
            self->loop.reset();
            co_await asio::post(self->fd.get_executor(), asio::use_awaitable);
        }
    }
}

asio::awaitable<void> input_stream::impl::finish(std::shared_ptr<impl> self)
{
    if (!self)
        throw boost::system::system_error(errc::not_piped);
    clock::time_point const deadline = detail::deadline_after(self->limit);
    auto const turn = co_await self->turns.enter(self->fd.get_executor(), deadline);
    if (self->fd.is_terminal() && self->fd.is_open()) {
        // Closing would be a hangup. The end of a terminal's input is a character, which at the end
        // of a line that is not complete only completes it: then it takes a second one.
        int const fd = self->fd.native_handle();
        if (auto const end = sys::end_of_input_character(fd)) {
            std::string const characters(sys::completes_line(fd, self->last) ? 1 : 2, *end);
            co_await write_in_turn(self, asio::buffer(characters), deadline);
        }
    }
    self->fd.close();
}

input_stream::input_stream(executor_type executor, int fd)
    : impl_(std::make_shared<impl>(detail::stream_end(std::move(executor), sys::unique_fd(fd))))
{
}

input_stream::input_stream(std::shared_ptr<asio::posix::stream_descriptor> terminal)
    : impl_(std::make_shared<impl>(detail::stream_end(std::move(terminal))))
{
}

bool input_stream::is_open() const noexcept
{
    return impl_ && impl_->fd.is_open();
}

input_stream::executor_type input_stream::get_executor() const
{
    if (!impl_)
        throw boost::system::system_error(errc::not_piped);
    return impl_->fd.get_executor();
}

input_stream& input_stream::time_limit(clock::duration limit) noexcept
{
    if (impl_)
        impl_->limit = limit;
    return *this;
}

asio::awaitable<void> input_stream::write(asio::const_buffer buffer)
{
    return impl::write(impl_, buffer);
}

asio::awaitable<void> input_stream::finish()
{
    return impl::finish(impl_);
}

std::size_t input_stream::try_write(asio::const_buffer buffer, error_code& ec)
{
    ec = {};
    if (!impl_) {
        ec = errc::not_piped;
        return 0;
    }
    if (impl_->turns.busy() || buffer.size() == 0)
        return 0;
    std::size_t const size = impl_->write_now(buffer, ec);
    if (ec == asio::error::would_block)
        ec = {};
    return size;
}

std::uint64_t input_stream::total() const noexcept
{
    return impl_ ? impl_->total : 0;
}

std::size_t input_stream::capacity() const noexcept
{
    int const size = is_open() ? ::fcntl(impl_->fd.native_handle(), F_GETPIPE_SZ) : -1;
    return size < 0 ? 0 : static_cast<std::size_t>(size);
}

std::size_t input_stream::unread() const noexcept
{
    int size = 0;
    if (capacity() == 0 || ::ioctl(impl_->fd.native_handle(), FIONREAD, &size) != 0 || size < 0)
        return 0;
    return static_cast<std::size_t>(size);
}

void input_stream::close() noexcept
{
    if (impl_)
        impl_->fd.close();
}

int input_stream::native_handle() const noexcept
{
    return is_open() ? impl_->fd.native_handle() : -1;
}

} // namespace execasio
