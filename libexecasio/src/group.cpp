#include "execasio/group.hpp"

#include "linux/child_handle.hpp"
#include "linux/process_table.hpp"

#include <algorithm>
#include <chrono>
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
    sys::process_entry now;
    if (!sys::read_process(pid, now) || now.group != group)
        return std::nullopt;
    int const failed = member.pidfd() >= 0 ? member.signal(SIGKILL) : ::kill(pid, SIGKILL);
    if (failed != 0)
        return std::nullopt;
    return member;
}

} // namespace

std::vector<pid_t> group_members(pid_t group)
{
    std::vector<pid_t> members;
    sys::process_table table;
    table.read();
    for (sys::process_entry const& e : table)
        if (e.group == group && e.living)
            members.push_back(e.pid);
    return members;
}

std::size_t kill_group_members(pid_t group, std::vector<pid_t> const& spared)
{
    using clock = std::chrono::steady_clock;
    auto const deadline = clock::now() + std::chrono::seconds(1);
    for (;;) {
        std::vector<pid_t> members = group_members(group);
        std::erase_if(members, [&](pid_t pid) {
            return pid == ::getpid() || std::count(spared.begin(), spared.end(), pid) != 0;
        });
        std::vector<sys::child_handle> dying;
        for (pid_t const pid : members)
            if (auto member = kill_member(pid, group))
                dying.push_back(std::move(*member));
        if (dying.empty() || clock::now() >= deadline)
            return members.size(); // none left, none that may be killed, or one that does not die
        for (sys::child_handle const& member : dying) {
            auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
            pollfd p{member.pidfd(), POLLIN, 0};
            if (member.pidfd() >= 0 && left.count() > 0)
                ::poll(&p, 1, static_cast<int>(left.count()));
        }
    }
}

} // namespace execasio
