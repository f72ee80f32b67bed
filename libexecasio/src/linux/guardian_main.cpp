// The guardian's own program; also part of the library, for where it can only run as a copy of its
// manager. No heap, no exceptions, no C++ run-time library.
#include "linux/guard_slot.hpp"
#include "linux/process_table.hpp"
#include "linux/tree_mark.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace execasio::sys {

bool cgroup_path(char const* parent, pid_t manager, std::uint32_t number, char* path,
                 std::size_t size) noexcept
{
    constexpr std::size_t longest_name = 48;
    std::size_t const length = std::strlen(parent);
    if (length + longest_name > size)
        return false;
    std::memcpy(path, parent, length);
    char* at = path + length;
    auto const add = [&at](char const* text) {
        while (*text != '\0')
            *at++ = *text++;
    };
    auto const add_number = [&at](std::uint32_t value) {
        char digits[12];
        int count = 0;
        for (; count == 0 || value != 0; value /= 10)
            digits[count++] = static_cast<char>('0' + value % 10);
        while (count != 0)
            *at++ = digits[--count];
    };
    add("/execasio-");
    add_number(static_cast<std::uint32_t>(manager));
    add("-");
    add_number(number);
    *at = '\0';
    return true;
}

namespace {

constexpr std::uint64_t second = 1000 * 1000 * 1000;

std::uint64_t now() noexcept
{
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * second + static_cast<std::uint64_t>(t.tv_nsec);
}

/// Whether a process with that number is the one that was alive then: a later bearer of the number
/// was born when the first one was dead.
/// @param alive_at CLOCK_BOOTTIME in ns
bool was_alive(process_entry const& e, std::uint64_t alive_at) noexcept
{
    static auto const ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return e.start <= alive_at / (second / ticks);
}

bool is_meant(guard_slot const& slot, process_entry const& e) noexcept
{
    return slot.alive_at == 0 || was_alive(e, slot.alive_at);
}

/// By pidfd, opened before the number is looked at for the last time.
void send(process_entry const& e, int signal) noexcept
{
    int const fd = static_cast<int>(::syscall(SYS_pidfd_open, e.pid, 0));
    if (fd < 0 && errno == ESRCH)
        return;
    if (is_same_process(e)) {
        if (fd < 0 || ::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0) != 0)
            ::kill(e.pid, signal);
    }
    if (fd >= 0)
        ::close(fd);
}

class end_of_all {
public:
    explicit end_of_all(guard_area const& area) noexcept : area_(area) {}

    void run() noexcept
    {
        std::uint64_t const begun = now();
        kill_cgroups();
        freeze(begun);
        for (;;) {
            signal_marked(SIGKILL);
            if ((look() == 0 && !unborn_ && !blind_) || now() - begun > 10 * second)
                break;
            // A child that is just being born says so within moments; one that could not be is
            // none.
            if (unborn_ && now() - begun > second / 2)
                ignore_unborn_ = true;
            timespec const pause{0, 2 * 1000 * 1000};
            ::nanosleep(&pause, nullptr);
        }
        remove_cgroups();
    }

private:
    /// All are stopped first: a parent that was killed before its child was seen could leave one
    /// behind that nothing leads to any more.
    void freeze(std::uint64_t begun) noexcept
    {
        standstill all;
        for (std::size_t before = 0; now() - begun < second;) {
            std::size_t const found = look();
            if (all.reached(unborn_ || blind_ || found != before, motion_))
                break;
            before = found;
            signal_marked(SIGSTOP);
            timespec const pause{0, 100 * 1000};
            ::nanosleep(&pause, nullptr);
            if (unborn_ && now() - begun > second / 2)
                ignore_unborn_ = true;
        }
    }

    template <class Action>
    void for_each_slot(Action action) noexcept
    {
        std::size_t const used = area_.used.load(std::memory_order_acquire);
        for (std::size_t i = 0; i < used && i < guard_area::most_slots; ++i) {
            guard_slot const& slot = area_.slots[i];
            std::uint32_t const state = slot.state.load(std::memory_order_acquire);
            if (state != guard_slot::empty)
                action(slot, state);
        }
    }

    /// Marks all that have to go. @return How many of them live.
    std::size_t look() noexcept
    {
        blind_ = !table_.read() && is_shortage(errno);
        unborn_ = false;
        mark_own_group();
        for_each_slot([this](guard_slot const& slot, std::uint32_t state) {
            if (slot.pid == 0) {
                unborn_ = !ignore_unborn_;
                return;
            }
            process_entry* const e = table_.find(slot.pid);
            if (e && !is_meant(slot, *e))
                return; // somebody else has the number, so group and session are theirs, too
            if (e && state == guard_slot::in_use)
                e->marked = true;
            else if (slot.flags & guard_slot::own_group)
                mark_members(slot.pid);
        });
        pid_t const self = ::getpid();
        mark_trees();
        table_.mark_descendants(self);
        std::size_t living = 0;
        motion_ = motion::none;
        for (process_entry const& e : table_) {
            if (!e.marked || !e.living)
                continue;
            ++living;
            motion_ = std::max(motion_, motion_of(e));
        }
        return living;
    }

    /// What ended children have left in the manager's group.
    void mark_own_group() noexcept
    {
        std::uint64_t const since = area_.group_since.load(std::memory_order_acquire);
        if (since == 0)
            return;
        process_entry const* const leader = table_.find(area_.manager);
        if (leader && !was_alive(*leader, since))
            return; // somebody else has the number, and that of the group
        auto const is_spared = [this, since](process_entry const& e) {
            pid_t const* const end = area_.spared + area_.spared_count;
            return was_alive(e, since) && std::find(area_.spared, end, e.pid) != end;
        };
        for (process_entry& e : table_)
            if (e.group == area_.manager && e.pid != area_.manager)
                e.marked = !table_.is_of(e, is_spared);
    }

    void mark_members(pid_t leader) noexcept
    {
        for (process_entry& e : table_)
            if (e.group == leader || e.session == leader)
                e.marked = true;
    }

    /// Who has left parent, group and session is known by the environment that it was started with.
    void mark_trees() noexcept
    {
        bool any = false;
        for_each_slot([&any](guard_slot const& slot, std::uint32_t) { any |= slot.tree != 0; });
        if (!any)
            return;
        pid_t const self = ::getpid();
        for (process_entry& e : table_)
            if (!e.marked && e.living && e.pid != self && e.pid != 1)
                e.marked = is_in_guarded_tree(e.pid);
    }

    bool is_in_guarded_tree(pid_t pid) noexcept
    {
        bool found = false;
        std::uint64_t const number = tree_of(pid, area_.manager);
        blind_ = blind_ || (number == 0 && is_shortage(errno));
        if (number != 0)
            for_each_slot([&found, number](guard_slot const& slot, std::uint32_t) {
                found |= slot.tree == number;
            });
        return found;
    }

    void signal_marked(int signal) noexcept
    {
        for (process_entry const& e : table_)
            if (e.marked && e.living && !(signal == SIGSTOP && e.state == 'T'))
                send(e, signal);
    }

    template <class Action>
    void for_each_cgroup(Action action) noexcept
    {
        for_each_slot([&](guard_slot const& slot, std::uint32_t) {
            char path[guard_area::path_size + 64];
            if (slot.cgroup != 0 && slot.cgroup_parent < guard_area::most_parents &&
                cgroup_path(area_.parent[slot.cgroup_parent], area_.manager, slot.cgroup, path,
                            sizeof path - 32))
                action(path);
        });
    }

    void kill_cgroups() noexcept
    {
        for_each_cgroup([](char* path) {
            std::size_t const length = std::strlen(path);
            std::memcpy(path + length, "/cgroup.kill", 13);
            int const file = ::open(path, O_WRONLY | O_CLOEXEC);
            if (file < 0)
                return;
            while (::write(file, "1", 1) < 0 && errno == EINTR) {
            }
            ::close(file);
        });
    }

    void remove_cgroups() noexcept
    {
        std::uint64_t const begun = now();
        for (bool left = true; left && now() - begun < second;) {
            left = false;
            for_each_cgroup([&left](char const* path) {
                if (::rmdir(path) != 0 && errno == EBUSY)
                    left = true; // somebody in there is not quite dead
            });
            if (left) {
                timespec const pause{0, 2 * 1000 * 1000};
                ::nanosleep(&pause, nullptr);
            }
        }
    }

    guard_area const& area_;
    process_table table_;
    bool unborn_ = false;
    bool blind_ = false;           // the last look, for want of memory
    motion motion_ = motion::none; // the most of all that the last look has marked
    bool ignore_unborn_ = false;
};

/// Nothing of the manager's is kept: a pipe's end held here would keep its reader waiting.
void close_all_but(int a, int b) noexcept
{
    unsigned const low = static_cast<unsigned>(a < b ? a : b);
    unsigned const high = static_cast<unsigned>(a < b ? b : a);
    if (low > 0)
        ::syscall(SYS_close_range, 0, low - 1, 0);
    if (high > low + 1)
        ::syscall(SYS_close_range, low + 1, high - 1, 0);
    ::syscall(SYS_close_range, high + 1, ~0U, 0);
}

} // namespace

bool leave_parent(int in, int out) noexcept
{
    pid_t const pid = ::fork();
    if (pid < 0)
        return false;
    if (pid == 0)
        return true;
    bool const told = ::write(out, &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid);
    char ignored;
    while (told && ::read(in, &ignored, 1) < 0 && errno == EINTR) {
    }
    ::_exit(told ? 0 : 1);
}

int guardian_main(int area, int manager) noexcept
{
    // A hangup of the terminal, or a signal for all of the manager's, must not be its end as well.
    std::uint64_t const all = ~std::uint64_t{0};
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
    ::setsid(); // has been done, unless this is a copy of the manager
    if (::chdir("/") != 0)
        return 1;
    ::prctl(PR_SET_NAME, "execasio-guard");
    close_all_but(area, manager);
    void* const memory = ::mmap(nullptr, sizeof(guard_area), PROT_READ, MAP_SHARED, area, 0);
    if (memory == MAP_FAILED)
        return 2;
    ::close(area);
    pollfd p{manager, POLLIN, 0};
    while (::poll(&p, 1, -1) <= 0) {
    }
    end_of_all(*static_cast<guard_area const*>(memory)).run();
    return 0;
}

} // namespace execasio::sys
