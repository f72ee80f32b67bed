#include "execasio/group.hpp"

#include "linux/child_handle.hpp"
#include "linux/proc.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace execasio {
namespace {

/// Kills one member, held by a pidfd while its group is looked at once more, so that a number that
/// has changed hands hits nobody.
/// @return What its end can be awaited by; nothing when there was nothing to kill.
std::optional<sys::child_handle> kill_member(pid_t pid, pid_t group)
{
    auto member = sys::child_handle::foreign(pid, sys::open_pidfd(pid));
    auto const stat = sys::read_stat(pid);
    if (!stat || stat->group != group)
        return std::nullopt;
    int const failed = member.pidfd() >= 0 ? member.signal(SIGKILL) : ::kill(pid, SIGKILL);
    if (failed != 0)
        return std::nullopt;
    return member;
}

} // namespace

std::size_t kill_group_members(pid_t group)
{
    // Each round finds fewer, unless one forks faster than it is killed; then more rounds help.
    constexpr int max_rounds = 100;
    std::size_t left = 0;
    for (int round = 0; round < max_rounds; ++round) {
        std::vector<pid_t> members = sys::group_members(group);
        std::erase(members, ::getpid());
        left = members.size();
        if (left == 0)
            return 0;
        std::vector<sys::child_handle> dying;
        for (pid_t const pid : members)
            if (auto member = kill_member(pid, group))
                dying.push_back(std::move(*member));
        for (sys::child_handle const& member : dying) {
            constexpr int patience = 100; // milliseconds
            pollfd p{member.pidfd(), POLLIN, 0};
            ::poll(&p, 1, patience);
        }
    }
    return left;
}

} // namespace execasio
