#include "linux/own_children.hpp"

#include <atomic>
#include <map>
#include <mutex>

#include <sys/prctl.h>

namespace execasio::sys {
namespace {

std::atomic<bool> noting = false;
std::atomic<unsigned> births = 0;

/// How many of a number: another thread may start one with the number of a child that was reaped a
/// moment ago, and is not forgotten yet.
struct own_children {
    std::mutex mutex;
    std::map<pid_t, int> pids;
    int unnoted = 0; // for want of memory
};

own_children& own()
{
    // Never destroyed: a process object with static lifetime may outlive any other static.
    static auto* const o = new own_children;
    return *o;
}

} // namespace

own_child::own_child(pid_t pid) noexcept
{
    if (!noting || pid <= 0)
        return;
    std::lock_guard const lock(own().mutex);
    try {
        ++own().pids[pid];
        pid_ = pid;
    } catch (std::bad_alloc const&) {
        ++own().unnoted;
        pid_ = -1;
    }
}

void own_child::release() noexcept
{
    pid_t const pid = std::exchange(pid_, 0);
    if (pid == 0)
        return;
    std::lock_guard const lock(own().mutex);
    if (pid < 0)
        --own().unnoted;
    else if (auto const found = own().pids.find(pid); --found->second == 0)
        own().pids.erase(found);
}

birth_under_way::birth_under_way() noexcept
{
    ++births;
}

birth_under_way::~birth_under_way()
{
    --births;
}

bool has_births_under_way() noexcept
{
    return births != 0;
}

no_subreaper::no_subreaper() noexcept
{
    if (::prctl(PR_GET_CHILD_SUBREAPER, &before_, 0, 0, 0) == 0 && before_ != 0)
        ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

no_subreaper::~no_subreaper()
{
    if (before_ != 0)
        ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

bool is_own_child(pid_t pid) noexcept
{
    std::lock_guard const lock(own().mutex);
    return own().unnoted != 0 || own().pids.contains(pid);
}

bool is_orphan(pid_t zombie) noexcept
{
    // The births first: the child of one that is over has been noted.
    return noting && births == 0 && !is_own_child(zombie);
}

void begin_noting_children() noexcept
{
    noting = true;
}

bool is_subreaper() noexcept
{
    return noting;
}

} // namespace execasio::sys
