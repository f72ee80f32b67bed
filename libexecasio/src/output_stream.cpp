#include "execasio/output_stream.hpp"

#include "linux/last_error.hpp"
#include "output_stream_access.hpp"
#include "readiness.hpp"
#include "stream_end.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace execasio {
namespace {

constexpr std::size_t chunk = 64 * 1024; // what a pipe holds by default

/// Pipes that proved to be busy are made larger, which halves the work per byte. Few at a time: the
/// kernel counts them against a user's quota (pipe(7), pipe-user-pages-soft, 64 MiB), beyond which
/// all of the user's new pipes shrink to two pages.
class larger_pipe {
public:
    larger_pipe() = default;
    larger_pipe(larger_pipe const&) = delete;
    larger_pipe& operator=(larger_pipe const&) = delete;
    ~larger_pipe()
    {
        if (grown_)
            --count;
    }

    void after_read(int fd, std::size_t size) noexcept
    {
        constexpr unsigned full_reads_that_prove_it = 4;
        if (grown_ || size < chunk / 2 || ++full_reads_ < full_reads_that_prove_it)
            return;
        full_reads_ = 0;
        if (count.fetch_add(1) < max_count && ::fcntl(fd, F_SETPIPE_SZ, 1024 * 1024) > 0)
            grown_ = true;
        else
            --count; // refused, no pipe, or enough already: it works as it is
    }

private:
    static constexpr unsigned max_count = 32;
    static inline std::atomic<unsigned> count = 0;

    unsigned full_reads_ = 0;
    bool grown_ = false;
};

} // namespace

struct output_stream::impl {
    explicit impl(detail::stream_end end) : fd(std::move(end)) {}

    [[nodiscard]] std::size_t buffered() const noexcept { return ahead.size() - ahead_begin; }

    std::size_t take_buffered(asio::mutable_buffer target)
    {
        std::size_t const size = std::min(buffered(), target.size());
        std::memcpy(target.data(), ahead.data() + ahead_begin, size);
        drop(size);
        return size;
    }

    void drop(std::size_t size)
    {
        ahead_begin += size;
        if (ahead_begin == ahead.size()) {
            ahead.clear();
            ahead_begin = 0;
        }
    }

    std::size_t read_now(asio::mutable_buffer target, error_code& ec)
    {
        ec = {};
        if (!fd.is_open()) {
            ec = errc::not_piped;
            return 0;
        }
        ssize_t result;
        do {
            result = ::read(fd.native_handle(), target.data(), target.size());
        } while (result < 0 && errno == EINTR);
        if (result < 0 && errno == EIO && fd.is_terminal())
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

    void show(std::string_view data)
    {
        std::erase_if(watchers, [data](output_watcher const& see) { return !see(data); });
    }

    /// What is there now into `ahead`; 0 without an error at the end of the stream.
    std::size_t read_ahead_now(error_code& ec)
    {
        std::size_t const before = ahead.size();
        ahead.resize(before + chunk);
        std::size_t const size = read_now(asio::buffer(ahead.data() + before, chunk), ec);
        ahead.resize(before + size);
        return size;
    }

    /// Lets others have their turn when enough was read without waiting. Before a read and not
    /// after it: what has been read must reach the caller without a detour.
    static asio::awaitable<void> give_way(std::shared_ptr<impl> self);
    /// At least one more byte into `ahead`; false at the end of the stream.
    static asio::awaitable<bool> fill(std::shared_ptr<impl> self, clock::time_point deadline);
    static asio::awaitable<std::size_t>
    read(std::shared_ptr<impl> self, asio::mutable_buffer target, clock::time_point deadline);
    static asio::awaitable<std::size_t> read_some(std::shared_ptr<impl> self,
                                                  asio::mutable_buffer target,
                                                  std::optional<clock::time_point> deadline);
    static asio::awaitable<std::optional<std::string>> read_line(std::shared_ptr<impl> self,
                                                                 std::size_t max);
    static asio::awaitable<std::string> read_all(std::shared_ptr<impl> self, std::size_t limit);
    static asio::awaitable<void> wait_readable(std::shared_ptr<impl> self);

    detail::stream_end fd;
    std::string ahead; // read from the pipe, not yet given to the caller
    std::size_t ahead_begin = 0;
    clock::duration limit = clock::duration::max();
    std::uint64_t total = 0;
    detail::fairness loop;
    larger_pipe pipe;
    std::vector<output_watcher> watchers; // of what is read; hardly ever one
};

namespace {

/// For reads that could go on for as long as there is always data.
void require_time(output_stream::clock::time_point deadline)
{
    if (deadline != output_stream::clock::time_point::max() &&
        output_stream::clock::now() >= deadline)
        throw boost::system::system_error(asio::error::timed_out, "read");
}

template <class Impl>
void require(std::shared_ptr<Impl> const& impl)
{
    if (!impl || !impl->fd.is_open())
        throw boost::system::system_error(errc::not_piped);
}

} // namespace

asio::awaitable<void> output_stream::impl::give_way(std::shared_ptr<impl> self)
{
    self->loop.reset();
    co_await asio::post(self->fd.get_executor(), asio::use_awaitable);
    if (!self->fd.is_open())
        throw boost::system::system_error(asio::error::operation_aborted, "read");
}

asio::awaitable<std::size_t> output_stream::impl::read(std::shared_ptr<impl> self,
                                                       asio::mutable_buffer target,
                                                       clock::time_point deadline)
{
    require(self);
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
    require(self);
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
    require(self);
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
    require(self);
    clock::time_point const deadline = detail::deadline_after(self->limit);
    co_await self->fd.wait(asio::posix::descriptor_base::wait_read, deadline);
}

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
    return ::poll(&p, 1, 0) >= 0 && (p.revents & POLLHUP) == 0;
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
    if (s.buffered() == 0 || watcher({s.ahead.data() + s.ahead_begin, s.buffered()}))
        s.watchers.push_back(std::move(watcher));
}

std::size_t output_stream_access::read_ahead(output_stream const& stream, error_code& ec)
{
    return stream.impl_->read_ahead_now(ec);
}

asio::awaitable<void> output_stream_access::wait_for_more(output_stream stream)
{
    require(stream.impl_);
    co_await stream.impl_->fd.wait(asio::posix::descriptor_base::wait_read,
                                   output_stream::clock::time_point::max());
}

} // namespace execasio
