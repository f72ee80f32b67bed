#include "linux/group_set.hpp"

#include "linux/continue_after.hpp"
#include "linux/newer_kernel.hpp"

#include <algorithm>
#include <cerrno>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {

group_set::group_set(pid_t group, pid_t child, int leader)
    : group_(group),
      child_(child),
      leader_(leader)
{
    hold_leader();
}

group_set::group_set(pid_t group, pid_t child, unique_fd leader)
    : group_(group),
      child_(child),
      owned_(std::move(leader)),
      leader_(owned_.get())
{
    hold_leader();
}

void group_set::hold_leader()
{
    held_process anchor;
    if (child_ == 0 && leader_ >= 0 && read_process(group_, anchor.entry)) {
        anchor.pidfd = copy_of(leader_);
        anchors_.push_back(std::move(anchor));
    }
}

group_set::answer group_set::ask_leader() const noexcept
{
    if (leader_ < 0)
        return answer::unknown;
    if (::syscall(SYS_pidfd_send_signal, leader_, 0, nullptr, pidfd_signal_process_group) == 0)
        return answer::yes;
    // EPERM: there are members, none of which may be signalled; or a filter's answer, for which
    // others have to be asked.
    return errno == ESRCH ? answer::no : answer::unknown;
}

/// A child holds the number of its own group as long as it is not reaped; that of one it has joined
/// only while it is in there.
bool group_set::is_held_by_child() const noexcept
{
    return child_ != 0 && (child_ == group_ || ::getpgid(child_) == group_);
}

bool group_set::is_still_ours() const noexcept
{
    answer const told = ask_leader();
    if (told != answer::unknown)
        return told == answer::yes;
    if (is_held_by_child())
        return true;
    for (held_process const& anchor : anchors_) {
        process_entry now;
        // Signal 0 finds a zombie, too: what has not been reaped is still a member.
        if (anchor.signal(0) != ESRCH && read_process(anchor.entry.pid, now) &&
            now.start == anchor.entry.start && now.group == group_)
            return true;
    }
    return false;
}

bool group_set::surely_empty() noexcept
{
    return child_ == 0 && ask_leader() == answer::no;
}

bool group_set::knows_when_empty() const noexcept
{
    return child_ == 0 && ask_leader() != answer::unknown;
}

/// One walk. @param all Gets the members' numbers, zombies included.
process_set::look group_set::walk(std::set<pid_t>& all) const
{
    look seen;
    process_table table;
    read_all(table);
    pid_t const self = ::getpid();
    for (process_entry const& e : table) {
        if (e.group != group_ || e.pid == self)
            continue;
        all.insert(e.pid);
        if (e.living)
            add(e, seen);
    }
    return seen;
}

process_set::look group_set::find()
{
    if (surely_empty())
        return {};
    std::set<pid_t> members;
    look seen = walk(members);
    // A family that never stands still is passed by: when a walk comes to a member it has ended,
    // and its child is somewhere else. But it leaves tracks, zombies that were not there before, or
    // a group that has members but none to be seen.
    if (seen.living == 0) {
        std::set<pid_t> later;
        seen = walk(later);
        bool const tracks =
            !std::includes(members.begin(), members.end(), later.begin(), later.end()) ||
            (later.empty() && ask_leader() == answer::yes);
        if (seen.living == 0 && tracks)
            seen.living = 1;
    }
    // Asked after the walk, so that it holds for all of it.
    if (!is_still_ours())
        return {};
    if (child_ == 0 && !seen.held.empty() && ask_leader() == answer::unknown) {
        anchors_.clear();
        for (held_process const& member : seen.held)
            anchors_.push_back({member.entry, copy_of(member.pidfd.get())});
    }
    return seen;
}

void group_set::signal(int number, pid_t child, bool& child_included)
{
    bool const inside = child != 0 && ::getpgid(child) == group_; // it may have left
    bool all = leader_ >= 0 && ::syscall(SYS_pidfd_send_signal, leader_, number, nullptr,
                                         pidfd_signal_process_group) == 0;
    if (leader_ >= 0 && !all && errno == ESRCH)
        return; // nobody is left, and the number may be a stranger's
    if (!all && is_held_by_child())
        all = ::kill(-group_, number) == 0;
    if (!all) {
        look const seen = find();
        signal_rest(seen, number);
        child_included = std::any_of(seen.held.begin(), seen.held.end(), [&](auto const& member) {
            return inside && member.entry.pid == child;
        });
        return;
    }
    child_included = inside;
    if (is_followed_by_continue(number)) {
        if (leader_ >= 0 && ::syscall(SYS_pidfd_send_signal, leader_, SIGCONT, nullptr,
                                      pidfd_signal_process_group) == 0)
            return;
        if (is_held_by_child())
            ::kill(-group_, SIGCONT);
    }
}

void group_set::before_reap()
{
    // Whatever becomes of the look: the number will be nobody's.
    struct forget {
        pid_t& child;
        ~forget() { child = 0; }
    } const at_end{child_};
    if (ask_leader() == answer::unknown) {
        look seen = find();
        anchors_ = std::move(seen.held);
    }
}

} // namespace execasio::sys
