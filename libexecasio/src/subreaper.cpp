#include "execasio/subreaper.hpp"

#include "linux/last_error.hpp"
#include "linux/own_children.hpp"
#include "linux/process_table.hpp"
#include "orphanage.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace execasio {
namespace {

void reap(pid_t orphan) noexcept
{
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(orphan), &info, WEXITED | WNOHANG);
}

} // namespace

error_code become_subreaper() noexcept
{
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return sys::last_error();
    sys::begin_noting_children();
    return {};
}

struct orphan_reaper::impl : std::enable_shared_from_this<impl> {
    explicit impl(asio::any_io_executor executor) : signals(executor, SIGCHLD), again(executor) {}

    void wait()
    {
        signals.async_wait([weak = weak_from_this()](error_code ec, int) {
            auto const self = weak.lock();
            if (!self || ec)
                return;
            self->wait();
            if (!self->waiting)
                self->look();
        });
    }

    /// The kernel names the first of all that have ended. One that is somebody's hides others until
    /// it is reaped, which takes no time as a rule.
    void look()
    {
        detail::reap_orphans();
        for (;;) {
            siginfo_t info{};
            if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
                patience = shortest;
                return;
            }
            if (!sys::is_orphan(info.si_pid))
                break;
            reap(info.si_pid);
        }
        look_later();
    }

    void look_later()
    {
        again.expires_after(patience);
        again.async_wait([weak = weak_from_this()](error_code ec) {
            auto const self = weak.lock();
            if (!self || ec)
                return;
            self->waiting = false;
            if (self->patience == longest) {
                self->look_behind();
            } else {
                self->patience = std::min(2 * self->patience, longest);
                self->look();
            }
        });
        waiting = true; // not before, since it may throw
    }

    /// One that nobody awaits is in the way, or there is always another. For all that have ended so
    /// far; of the next one a signal will tell.
    void look_behind()
    {
        sys::process_table all;
        all.read();
        for (sys::process_entry const& e : all)
            if (e.parent == ::getpid() && !e.living && sys::is_orphan(e.pid))
                reap(e.pid);
    }

    static constexpr std::chrono::milliseconds shortest{1};
    static constexpr std::chrono::milliseconds longest{1024};

    asio::signal_set signals;
    asio::steady_timer again;
    std::chrono::milliseconds patience = shortest;
    bool waiting = false;
};

orphan_reaper::orphan_reaper(asio::any_io_executor executor)
    : impl_(std::make_shared<impl>(std::move(executor)))
{
    if (error_code const ec = become_subreaper())
        throw boost::system::system_error(ec, "subreaper");
    impl_->wait();
}

orphan_reaper::~orphan_reaper()
{
    error_code ignored;
    impl_->signals.cancel(ignored);
    impl_->again.cancel();
}

} // namespace execasio
