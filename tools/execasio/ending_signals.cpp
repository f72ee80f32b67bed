#include "ending_signals.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <utility>

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace execasio_tool {
namespace {

namespace asio = boost::asio;

sigset_t not_ignored()
{
    sigset_t numbers;
    ::sigemptyset(&numbers);
    for (int const number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
        struct sigaction action {};
        if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
            ::sigaddset(&numbers, number);
    }
    return numbers;
}

} // namespace

/// By a descriptor, and no handler (signal_set): only that tells who has sent a signal.
struct ending_signals::impl : std::enable_shared_from_this<impl> {
    impl(asio::any_io_executor executor, handler h)
        : descriptor(std::move(executor)),
          on_signal(std::move(h))
    {
        sigset_t const numbers = not_ignored();
        int const fd = ::signalfd(-1, &numbers, SFD_NONBLOCK | SFD_CLOEXEC);
        if (fd < 0)
            throw boost::system::system_error(errno, boost::system::system_category(), "signalfd");
        descriptor.assign(fd);
        ::pthread_sigmask(SIG_BLOCK, &numbers, &before);
    }

    void wait()
    {
        descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](execasio::error_code) {
                                  if (self->descriptor.is_open())
                                      self->take();
                              });
    }

    void take()
    {
        signalfd_siginfo info{};
        while (descriptor.is_open() &&
               ::read(descriptor.native_handle(), &info, sizeof info) == sizeof info) {
            bool const by_kernel = info.ssi_code == SI_KERNEL;
            auto const number = static_cast<int>(info.ssi_signo);
            auto const call = on_signal; // which may close this
            call({number, by_kernel && (number == SIGINT || number == SIGQUIT)});
        }
        if (descriptor.is_open())
            wait();
    }

    asio::posix::stream_descriptor descriptor;
    handler on_signal;
    sigset_t before{};
};

ending_signals::ending_signals(asio::any_io_executor executor, handler on_signal)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(on_signal)))
{
    impl_->wait();
}

ending_signals::~ending_signals()
{
    close();
}

void ending_signals::close() noexcept
{
    if (!impl_->descriptor.is_open())
        return;
    execasio::error_code ignored;
    impl_->descriptor.close(ignored);
    impl_->on_signal = nullptr;
    ::pthread_sigmask(SIG_SETMASK, &impl_->before, nullptr);
}

void kill_at_once(execasio::process& p) noexcept
{
    execasio::error_code ignored;
    p.signal_group(SIGKILL, ignored);
    p.signal(SIGKILL, ignored);
}

} // namespace execasio_tool
