#include "execasio/subreaper.hpp"

#include "linux/last_error.hpp"
#include "linux/own_children.hpp"
#include "linux/process_set.hpp"
#include "orphanage.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace execasio {
namespace {

/// @return Whether it was one, and had ended.
bool reap_if_orphan(pid_t child) noexcept
{
    siginfo_t info{};
    return sys::is_orphan(child) &&
           ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG) == 0 &&
           info.si_pid != 0;
}

bool has_zombie() noexcept
{
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/// As the kernel lists them (proc(5)), where it does (CONFIG_PROC_CHILDREN), or found in /proc.
std::vector<pid_t> all_children()
{
    std::vector<pid_t> found;
    bool listed = false;
    for (auto const& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream children(thread.path() / "children");
        listed = listed || children.is_open();
        for (pid_t child = 0; children >> child;)
            found.push_back(child);
    }
    if (listed)
        return found;
    sys::process_table all;
    sys::read_all(all);
    for (sys::process_entry const& e : all)
        if (e.parent == ::getpid())
            found.push_back(e.pid);
    return found;
}

/// waitid(2) would name one zombie after the other, each time past all children that live. Nobody
/// is reaped while they are being listed, or others would be left out.
/// @return Whether any was reaped, or may have to be later.
bool reap_strangers() noexcept
{
    bool found = sys::has_births_under_way();
    try {
        for (pid_t const child : all_children())
            found = reap_if_orphan(child) || found;
    } catch (std::exception const&) { // out of memory or descriptors
        return true;
    }
    return found || sys::has_births_under_way();
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
/// process of this program's own that ends. So each look is followed by a rest: looks in vain take
/// a hundredth of the time at most, others a tenth. Nothing is caught meanwhile.
struct orphan_reaper::impl : std::enable_shared_from_this<impl> {
    using clock = std::chrono::steady_clock;

    explicit impl(asio::any_io_executor executor) : signals(executor), rest_over(executor) {}

    void wait()
    {
        signals.add(SIGCHLD);
        signals.async_wait([weak = weak_from_this()](error_code ec, int) {
            auto const self = weak.lock();
            if (self && !ec)
                self->rest(self->look());
        });
    }

    void rest(bool found)
    {
        constexpr clock::duration shortest = std::chrono::milliseconds(50);
        signals.cancel();
        signals.clear();
        rest_over.expires_after(std::max(shortest, (found ? 10 : 200) * cost));
        rest_over.async_wait([weak = weak_from_this()](error_code ec) {
            auto const self = weak.lock();
            if (!self || ec)
                return;
            self->wait(); // first, so that whoever ends from now on is told
            if (self->look())
                self->rest(true);
        });
    }

    /// @return Whether it has found somebody, so that there may be more.
    bool look()
    {
        auto const begun = clock::now();
        detail::reap_orphans();
        bool const found = has_zombie() && reap_strangers();
        cost = clock::now() - begun;
        return found;
    }

    asio::signal_set signals;
    asio::steady_timer rest_over;
    clock::duration cost{}; // of the last look
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
