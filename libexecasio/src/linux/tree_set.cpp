#include "linux/tree_set.hpp"

#include "execasio/subreaper.hpp"
#include "linux/last_error.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace execasio {
namespace {

std::atomic<bool> subreaper = false;

struct own_children {
    std::mutex mutex;
    std::set<pid_t> pids;
};

own_children& own()
{
    static auto* const o = new own_children;
    return *o;
}

} // namespace

error_code become_subreaper() noexcept
{
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return sys::last_error();
    subreaper = true;
    return {};
}

namespace sys {

bool is_subreaper() noexcept
{
    return subreaper;
}

void own_child(pid_t pid) noexcept
{
    if (!subreaper)
        return;
    std::lock_guard const lock(own().mutex);
    try {
        own().pids.insert(pid);
    } catch (std::bad_alloc const&) { // taken for an orphan then, if it is in a tree's group
    }
}

void disown_child(pid_t pid) noexcept
{
    if (!subreaper)
        return;
    std::lock_guard const lock(own().mutex);
    own().pids.erase(pid);
}

bool is_own_child(pid_t pid) noexcept
{
    std::lock_guard const lock(own().mutex);
    return own().pids.contains(pid);
}

namespace {

constexpr int most_rounds = 16; // of a family that grows faster than it is walked

/// Whether a process was started with that variable.
bool has_variable(pid_t pid, std::string const& variable)
{
    std::string const path = "/proc/" + std::to_string(pid) + "/environ";
    unique_fd const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(1, '\0');
    char block[4096];
    constexpr std::size_t longest = 256 * 1024;
    for (ssize_t n;
         file && text.size() < longest && (n = ::read(file.get(), block, sizeof block)) > 0;)
        text.append(block, static_cast<std::size_t>(n));
    text += '\0';
    return text.find('\0' + variable + '\0') != std::string::npos;
}

} // namespace

tree_set::tree_set(pid_t root, std::string mark) : root_(root), mark_(std::move(mark))
{
    process_entry e;
    if (!read_process(root, e))
        return;
    root_start_ = e.start;
    known_[root] = e.start;
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
    if (mark_.empty())
        return;
    for (process_entry& e : table_)
        if (!e.marked && e.living && e.start >= root_start_ && e.pid != ::getpid())
            e.marked = has_variable(e.pid, mark_);
}

void tree_set::walk()
{
    table_.read();
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
    for (process_entry const& e : table_) {
        if (!e.marked || !e.living)
            continue;
        held_process member;
        if (seen.held.size() < most_held && !hold(e, member))
            continue;
        ++seen.living;
        if (member.entry.pid != 0)
            seen.held.push_back(std::move(member));
    }
    return seen;
}

/// Stopped first, all of them: a parent that is killed before its child was seen leaves one behind
/// that nothing leads to any more; one that is stopped has no more children. The signal is no more
/// than a request, and a fork that is under way goes on: so each has to be seen stopped, and one
/// more walk must find nobody new.
void tree_set::freeze()
{
    constexpr int most_pauses = 100;
    std::set<std::pair<pid_t, std::uint64_t>> stopped;
    for (int round = 0, pauses = 0, same = 0;
         same < 2 && round < most_rounds && pauses < most_pauses;) {
        walk();
        bool fresh = false;
        bool all_stopped = true;
        for (process_entry const& e : table_) {
            if (!e.marked || !e.living)
                continue;
            all_stopped = all_stopped && (e.state == 'T' || e.state == 't');
            held_process member;
            if (!stopped.emplace(e.pid, e.start).second || !hold(e, member))
                continue;
            member.signal(SIGSTOP);
            fresh = true;
        }
        same = all_stopped && !fresh ? same + 1 : 0;
        round += fresh ? 1 : 0;
        if (!all_stopped) {
            ++pauses;
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
            bool const reached = member.signal(number) == 0;
            if (number != SIGKILL && e.state == 'T')
                member.signal(SIGCONT);
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

} // namespace sys
} // namespace execasio
