#include "execasio/group.hpp"

#include "linux/low_descriptors.hpp"
#include "linux/poll_until.hpp"
#include "linux/process_set.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace execasio {
namespace {

using clock = std::chrono::steady_clock;

struct dying_members {
    std::size_t found = 0;
    std::vector<sys::held_process> dying; // of those
};

/// Kills whom one look finds. Each is held while its group is looked at once more, so that a number
/// that has changed hands hits nobody.
/// @throws boost::system::system_error for want of descriptors or memory.
dying_members kill_members(pid_t group, std::vector<pid_t> spared)
{
    std::erase(spared, ::getpid()); // what it has started is to end
    auto const is_spared = [&](sys::process_entry const& e) {
        return std::count(spared.begin(), spared.end(), e.pid) != 0;
    };
    sys::room_for_a_look const room;
    dying_members result;
    sys::process_table table;
    sys::read_all(table);
    for (sys::process_entry const& e : table) {
        if (e.group != group || !e.living || e.pid == ::getpid() || table.is_of(e, is_spared))
            continue;
        ++result.found;
        sys::held_process member;
        if (sys::hold(e, member) && ::getpgid(e.pid) == group && member.signal(SIGKILL) == 0)
            result.dying.push_back(std::move(member));
    }
    return result;
}

} // namespace

std::vector<pid_t> group_members(pid_t group)
{
    sys::room_for_a_look const room;
    std::vector<pid_t> members;
    sys::process_table table;
    sys::read_all(table);
    for (sys::process_entry const& e : table)
        if (e.group == group && e.living)
            members.push_back(e.pid);
    return members;
}

std::size_t kill_group_members(pid_t group, std::vector<pid_t> const& spared)
{
    auto const deadline = clock::now() + std::chrono::seconds(1);
    bool waited = false;
    for (;;) {
        dying_members members;
        try {
            members = kill_members(group, spared);
        } catch (boost::system::system_error const&) { // those killed already make room
            if (clock::now() >= deadline)
                throw;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            continue;
        }
        if (members.dying.empty() || (waited && clock::now() >= deadline))
            return members.found; // none, none that may be killed, or one that does not die
        // Also when this program was held up for all of that second before it could wait.
        auto const end = std::max(deadline, clock::now() + std::chrono::milliseconds(100));
        for (sys::held_process const& member : members.dying)
            if (member.pidfd)
                sys::poll_until({member.pidfd.get(), POLLIN, 0}, end);
        waited = true;
    }
}

} // namespace execasio
