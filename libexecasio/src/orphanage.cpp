#include "orphanage.hpp"

#include "linux/cgroup.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace execasio::detail {
namespace {

struct orphanage {
    std::mutex mutex;
    std::vector<sys::child_handle> children;
    std::atomic<std::size_t> count = 0; // spares the usual caller, who has none, the lock
};

orphanage& instance()
{
    // Never destroyed: a process object with static lifetime may outlive any other static.
    static auto* const o = new orphanage;
    return *o;
}

} // namespace

void add_orphan(sys::child_handle child) noexcept
{
    int status = 0;
    rusage usage{};
    if (child.reaped() || child.reap(status, usage) != sys::wait_outcome::running)
        return;
    orphanage& o = instance();
    std::lock_guard const lock(o.mutex);
    try {
        o.children.push_back(std::move(child));
        o.count = o.children.size();
    } catch (std::bad_alloc const&) { // it stays a zombie until this program ends
    }
}

void reap_orphans() noexcept
{
    sys::remove_orphaned_cgroups();
    orphanage& o = instance();
    if (o.count == 0)
        return;
    std::lock_guard const lock(o.mutex);
    std::erase_if(o.children, [](sys::child_handle& child) {
        int status = 0;
        rusage usage{};
        return child.reap(status, usage) != sys::wait_outcome::running;
    });
    o.count = o.children.size();
}

} // namespace execasio::detail
