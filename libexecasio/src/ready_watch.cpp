#include "ready_watch.hpp"

#include "linux/last_error.hpp"
#include "output_stream_access.hpp"
#include "process_state.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace execasio::detail {
namespace {

constexpr std::chrono::milliseconds longest_pause{250};

/// Two programs that connect to each other at the same time are connected (RFC 9293, 3.5), and so
/// is one to itself if the kernel happens to choose the wanted port for its end.
bool is_own_echo(asio::ip::tcp::socket& socket)
{
    error_code ec;
    auto const own = socket.local_endpoint(ec);
    if (ec || own != socket.remote_endpoint(ec))
        return false;
    // Gone without a trace: a port in TIME_WAIT could not be bound by the server.
    socket.set_option(asio::socket_base::linger(true, 0), ec);
    return true;
}

bool is_own_echo(asio::local::stream_protocol::socket&)
{
    return false;
}

} // namespace

/// Puts lines together from what is read.
class ready_watch::line_finder {
public:
    explicit line_finder(readiness::line_predicate matches) : matches_(std::move(matches)) {}

    /// Whether one of the lines completed by this is the one.
    bool see(std::string_view data)
    {
        constexpr std::size_t most_kept = 64 * 1024;
        while (!data.empty()) {
            std::size_t const end = data.find('\n');
            std::string_view const part = data.substr(0, end);
            line_.append(part.substr(0, most_kept - std::min(most_kept, line_.size())));
            if (end == std::string_view::npos)
                return false;
            data.remove_prefix(end + 1);
            bool const match = matches_(line_);
            line_.clear();
            if (match)
                return true;
        }
        return false;
    }

private:
    readiness::line_predicate matches_;
    std::string line_;
};

/// One attempt to connect.
template <class Protocol>
struct ready_watch::attempt {
    explicit attempt(asio::any_io_executor executor) : socket(std::move(executor)) {}

    typename Protocol::socket socket;
};

ready_watch::ready_watch(process_state& target, readiness how, std::function<void()> on_ready)
    : target_(target),
      executor_(target.executor()),
      how_(std::move(how)),
      on_ready_(std::move(on_ready)),
      notification_(executor_),
      pause_(executor_)
{
}

output_stream ready_watch::stream_of(process_state const& target, readiness const& how) noexcept
{
    if (how.kind_ != readiness::kind::line)
        return output_stream();
    return how.on_error_ ? target.error : target.output;
}

void ready_watch::start()
{
    switch (how_.kind_) {
    case readiness::kind::line: watch_lines(stream_of(target_, how_)); return;
    case readiness::kind::descriptor: watch_descriptor(); return;
    case readiness::kind::port:
    case readiness::kind::unix_socket: try_socket(); return;
    }
}

void ready_watch::stop() noexcept
{
    stopped_ = true;
    on_ready_ = nullptr;
    error_code ignored;
    notification_.close(ignored);
    pause_.cancel();
    if (cancel_attempt_)
        cancel_attempt_();
}

void ready_watch::found()
{
    if (stopped_)
        return;
    auto const tell = std::move(on_ready_);
    stop();
    tell();
}

void ready_watch::watch_lines(output_stream const& stream)
{
    // No handle of the stream is kept: the last one closes the pipe, which is for others to decide.
    auto const finder = std::make_shared<line_finder>(how_.matches_);
    output_stream_access::watch(stream, [weak = weak_from_this(), finder](std::string_view data) {
        auto const self = weak.lock();
        if (!self || self->stopped_)
            return false;
        if (!finder->see(data))
            return true;
        asio::post(self->executor_, [self] { self->found(); });
        return false;
    });
}

void ready_watch::watch_descriptor()
{
    // A copy: there may be several who wait, and an epoll knows a descriptor once.
    sys::unique_fd copy(::fcntl(how_.notification_->reader.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy)
        throw boost::system::system_error(sys::last_error(), "ready");
    notification_.assign(copy.get());
    static_cast<void>(copy.release());
    await_descriptor();
}

void ready_watch::await_descriptor()
{
    // What was written stays where it is, for others who wait.
    notification_.async_wait(asio::posix::descriptor_base::wait_read,
                             [self = shared_from_this()](error_code ec) {
                                 if (ec)
                                     return;
                                 // epoll may still know an old descriptor of this number
                                 pollfd p{self->notification_.native_handle(), POLLIN, 0};
                                 if (::poll(&p, 1, 0) == 1)
                                     self->found();
                                 else
                                     self->await_descriptor();
                             });
}

void ready_watch::try_socket()
{
    if (how_.kind_ == readiness::kind::unix_socket) {
        try_endpoint<asio::local::stream_protocol>(how_.path_);
        return;
    }
    using asio::ip::tcp;
    if (other_address_)
        try_endpoint<tcp>(tcp::endpoint(asio::ip::address_v6::loopback(), how_.port_));
    else
        try_endpoint<tcp>(tcp::endpoint(asio::ip::address_v4::loopback(), how_.port_));
}

template <class Protocol>
void ready_watch::try_endpoint(typename Protocol::endpoint const& to)
{
    auto const one = std::make_shared<attempt<Protocol>>(executor_);
    cancel_attempt_ = [weak = std::weak_ptr<attempt<Protocol>>(one)] {
        error_code ignored;
        if (auto const a = weak.lock())
            a->socket.close(ignored);
    };
    // Not opened by Asio: that is not close-on-exec, and is closed without being taken out of
    // epoll, where a copy that another child has keeps its entry alive.
    typename Protocol::endpoint::protocol_type const type = to.protocol();
    sys::unique_fd made(
        ::socket(type.family(), type.type() | SOCK_CLOEXEC | SOCK_NONBLOCK, type.protocol()));
    error_code failed;
    if (made)
        one->socket.assign(type, made.get(), failed);
    if (!made || failed) { // for want of descriptors: there may be some later
        try_later();
        return;
    }
    static_cast<void>(made.release());
    // EAGAIN of a Unix socket, whose queue is full, ends up as success here.
    one->socket.async_connect(to, [self = shared_from_this(), one](error_code ec) {
        if (self->stopped_)
            return;
        bool const other_type = ec.value() == EPROTOTYPE;
        if ((!ec && !is_own_echo(one->socket)) || other_type)
            self->found();
        else
            self->try_later();
    });
}

void ready_watch::try_later()
{
    if (how_.kind_ == readiness::kind::port) {
        other_address_ = !other_address_;
        if (other_address_) {
            try_socket();
            return;
        }
    }
    pause_.expires_after(delay_);
    delay_ = std::min(delay_ * 2, longest_pause);
    pause_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec && !self->stopped_)
            self->try_socket();
    });
}

} // namespace execasio::detail
