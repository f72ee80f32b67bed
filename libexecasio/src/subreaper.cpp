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
#include <optional>

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

/// A look at all children costs the kernel time for each of them, and SIGCHLD comes for every
/// process of this program's own that ends. So each look is followed by a rest, which is so long
/// that all looks together take a hundredth of the time at most; nothing is caught meanwhile.
struct orphan_reaper::impl : std::enable_shared_from_this<impl> {
    using clock = std::chrono::steady_clock;

    explicit impl(asio::any_io_executor executor) : signals(executor), rest_over(executor) {}

    void wait()
    {
        signals.add(SIGCHLD);
        signals.async_wait([weak = weak_from_this()](error_code ec, int) {
            auto const self = weak.lock();
            if (self && !ec) {
                self->look();
                self->rest();
            }
        });
    }

    void rest()
    {
        constexpr clock::duration shortest = std::chrono::milliseconds(50);
        signals.cancel();
        signals.clear();
        rest_over.expires_after(std::max(shortest, 200 * cost));
        rest_over.async_wait([weak = weak_from_this()](error_code ec) {
            auto const self = weak.lock();
            if (!self || ec)
                return;
            self->wait(); // first, so that whoever ends from now on is told
            if (self->look())
                self->rest();
        });
    }

    /// @return Whether it has found somebody, so that there may be more.
    bool look()
    {
        auto const begun = clock::now();
        detail::reap_orphans();
        bool found = false;
        pid_t in_the_way = 0;
        while (pid_t const first = first_zombie()) {
            found = true;
            if (!sys::is_orphan(first)) {
                in_the_way = first;
                break;
            }
            reap(first);
        }
        if (in_the_way == 0) {
            hidden_since.reset();
        } else if (!hidden_since) {
            hidden_since = begun;
        } else if (begun - *hidden_since > std::chrono::seconds(1)) {
            look_behind();
            hidden_since.reset();
            found = false; // of the next one a signal will tell
        }
        cost = clock::now() - begun;
        return found;
    }

    /// One of this program's own hides others until it is reaped, which takes no time as a rule.
    static pid_t first_zombie() noexcept
    {
        siginfo_t info{};
        return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : 0;
    }

    /// Nobody awaits the one in the way, or there is always another.
    static void look_behind() noexcept
    {
        sys::process_table all;
        all.read();
        for (sys::process_entry const& e : all)
            if (e.parent == ::getpid() && !e.living && sys::is_orphan(e.pid))
                reap(e.pid);
    }

    asio::signal_set signals;
    asio::steady_timer rest_over;
    clock::duration cost{}; // of the last look
    std::optional<clock::time_point> hidden_since;
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
    impl_->rest_over.cancel();
}

} // namespace execasio
