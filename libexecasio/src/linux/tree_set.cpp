#include "linux/tree_set.hpp"

#include "linux/last_error.hpp"
#include "linux/own_children.hpp"
#include "linux/tree_mark.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

constexpr int most_rounds = 16; // of a family that grows faster than it is walked

} // namespace

tree_set::tree_set(child_handle const& root, std::uint64_t number)
    : handle_(root),
      root_(root.pid()),
      number_(number)
{
    process_entry e;
    if (read_process(root_, e)) // else, for want of descriptors, at the next look
        know_root(e);
}

/// Asked after a look: what was seen under its number was the root then.
bool tree_set::has_its_number() const noexcept
{
    if (reaped_)
        return false;
    // When a foreign process is reaped is not told; a child of ours only goes with us.
    wait_outcome const now = handle_.peek();
    return now == wait_outcome::running || (now == wait_outcome::ended && !handle_.is_foreign());
}

void tree_set::know_root(process_entry const& e)
{
    if (!has_its_number())
        return;
    root_start_ = e.start;
    known_[root_] = e.start;
}

void tree_set::look_at_root()
{
    if (root_start_ != 0)
        return;
    if (process_entry const* const e = table_.find(root_))
        know_root(*e);
}

/// A group or session has its number as long as it has a member, though who led it is gone. Known
/// members say that it still is the one that was led by one of ours.
void tree_set::mark_led_by_the_dead()
{
    for (auto const& [pid, start] : known_) {
        if (table_.find(pid))
            continue;
        bool certain = false;
        for (process_entry const& e : table_)
            certain = certain || (e.marked && (e.group == pid || e.session == pid));
        for (process_entry& e : table_)
            if (certain && (e.group == pid || e.session == pid) && e.start >= root_start_)
                e.marked = true;
    }
}

void tree_set::mark_by_environment()
{
    if (number_ == 0)
        return;
    pid_t const self = ::getpid();
    for (process_entry& e : table_) {
        if (e.marked || !e.living || e.start < root_start_)
            continue;
        e.marked = tree_of(e.pid, self) == number_;
        if (!e.marked)
            throw_shortage("/proc");
    }
}

void tree_set::walk()
{
    read_all(table_);
    look_at_root();
    pid_t const self = ::getpid();
    for (auto const& [pid, start] : known_)
        if (process_entry* const e = table_.find(pid); e && e->start == start)
            e->marked = true;
    mark_led_by_the_dead();
    mark_by_environment();
    table_.mark_descendants(self);
    std::map<pid_t, std::uint64_t> now;
    for (process_entry const& e : table_) {
        if (!e.marked)
            continue;
        now[e.pid] = e.start;
        for (pid_t const leader : {e.group, e.session})
            if (auto const known = known_.find(leader); known != known_.end())
                now.insert(*known);
    }
    known_ = std::move(now);
}

process_set::look tree_set::find()
{
    walk();
    look seen;
    for (process_entry const& e : table_)
        if (e.marked && e.living)
            add(e, seen);
    return seen;
}

/// Stopped first, all of them: a parent that is killed before its child was seen leaves one behind
/// that nothing leads to any more; one that is stopped has no more children. The event loop waits
/// for it meanwhile, so it has its limit.
void tree_set::freeze()
{
    constexpr std::chrono::milliseconds longest{100};
    constexpr int fewest_walks = 4;
    auto const end = std::chrono::steady_clock::now() + longest;
    std::set<std::pair<pid_t, std::uint64_t>> stopped;
    standstill all;
    for (int walks = 0; walks < fewest_walks || std::chrono::steady_clock::now() < end; ++walks) {
        walk();
        bool fresh = false;
        motion most = motion::none;
        for (process_entry const& e : table_) {
            if (!e.marked || !e.living)
                continue;
            most = std::max(most, motion_of(e));
            held_process member;
            if (!stopped.emplace(e.pid, e.start).second || !hold(e, member))
                continue;
            member.signal(SIGSTOP);
            fresh = true;
        }
        if (all.reached(fresh, most))
            break;
        if (!fresh) {
            timespec const pause{0, 100 * 1000};
            ::nanosleep(&pause, nullptr);
        }
    }
}

void tree_set::signal(int number, pid_t child, bool& child_included)
{
    if (number == SIGKILL)
        freeze();
    std::set<std::pair<pid_t, std::uint64_t>> sent;
    for (int round = 0; round < most_rounds; ++round) {
        walk();
        bool fresh = false;
        for (process_entry const& e : table_) {
            held_process member;
            if (!e.marked || !e.living || !sent.emplace(e.pid, e.start).second || !hold(e, member))
                continue;
            fresh = true;
            bool const reached = member.signal_and_continue(number) == 0;
            if (e.pid == child)
                child_included = reached;
            else if (e.pid != root_)
                note(e);
        }
        if (!fresh)
            break;
    }
}

void tree_set::before_reap()
{
    struct forget { // also if there is no look: the number will be anybody's
        bool& reaped;
        ~forget() { reaped = true; }
    } const at_end{reaped_};
    walk();
}

void tree_set::reap() noexcept
{
    if (!is_subreaper())
        return;
    pid_t const self = ::getpid();
    for (auto const& [pid, start] : known_) {
        process_entry e;
        if (!read_process(pid, e) || e.start != start || e.parent != self || e.living ||
            pid == root_ || is_own_child(pid))
            continue;
        // Our own child by now, so nobody else can take the number from it.
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
    }
}

} // namespace execasio::sys
