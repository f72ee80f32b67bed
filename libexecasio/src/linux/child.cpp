// Runs between clone and exec in the parent's memory, or a copy of it. Compiled without sanitizers
// (see CMakeLists.txt): their run-time libraries know nothing of a second process in this memory.
#include "linux/child.hpp"

#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

// Raw calls throughout: glibc's wrappers may lock, cancel, or act on the parent's threads.

bool close_range(unsigned first, unsigned last, unsigned flags) noexcept
{
    return ::syscall(SYS_close_range, first, last, flags) == 0;
}

bool is_target(child_plan const& plan, int fd) noexcept
{
    for (std::size_t i = 0; i < plan.move_count; ++i)
        if (plan.moves[i].to == fd)
            return true;
    return false;
}

/// With a memory of its own the child may be held up before exec, by the user that it becomes: what
/// it has open by then, such as the end of another child's pipe, would stay open for as long.
bool closes_others(child_plan const& plan) noexcept
{
    return plan.report_fd >= 0 && !plan.hook;
}

/// Closes at exec, or at once, what /proc lists and nobody asked for: where close_range(2) is
/// refused.
bool mark_by_listing(child_plan const& plan) noexcept
{
    struct entry { // linux_dirent64, see getdents64(2)
        std::uint64_t inode;
        std::int64_t offset;
        unsigned short length;
        unsigned char type;
        char name[1];
    };
    long const listing =
        ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (listing < 0)
        return false;
    alignas(entry) char buffer[2048];
    for (;;) {
        long const size = ::syscall(SYS_getdents64, listing, buffer, sizeof buffer);
        if (size <= 0)
            return size == 0; // the listing itself is close-on-exec
        for (long at = 0; at < size;) {
            auto const* e = reinterpret_cast<entry const*>(buffer + at);
            at += e->length;
            int fd = 0;
            char const* digit = e->name;
            for (; *digit >= '0' && *digit <= '9' && fd < INT_MAX / 10 - 1; ++digit)
                fd = fd * 10 + (*digit - '0');
            if (digit == e->name || is_target(plan, fd) || fd == plan.report_fd || fd == listing)
                continue;
            if (closes_others(plan))
                ::syscall(SYS_close, fd);
            else
                ::syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
        }
    }
}

/// Marks every descriptor that is no target as close-on-exec. Marked, not closed, because a hook
/// may still want to duplicate one.
bool mark_others(child_plan const& plan) noexcept
{
    unsigned const how = closes_others(plan) ? 0 : CLOSE_RANGE_CLOEXEC;
    unsigned next = 0;
    bool done = true;
    auto const keep = [&](int fd) {
        auto const to = static_cast<unsigned>(fd);
        done = done && (to <= next || close_range(next, to - 1, how));
        next = to + 1;
    };
    for (std::size_t i = 0; i < plan.move_count; ++i)
        keep(plan.moves[i].to);
    if (plan.report_fd >= 0)
        keep(plan.report_fd);
    return (done && close_range(next, ~0U, how)) || mark_by_listing(plan);
}

bool open_null(int to) noexcept
{
    ::syscall(SYS_close, to);
    long const fd = ::syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
    if (fd < 0)
        return false;
    if (fd == to)
        return true;
    bool const moved = ::syscall(SYS_dup3, fd, to, 0) >= 0;
    int const error = errno;
    ::syscall(SYS_close, fd);
    errno = error;
    return moved;
}

bool place(descriptor_move const& move, int from) noexcept
{
    if (from != move.to)
        return ::syscall(SYS_dup3, from, move.to, 0) >= 0;
    return ::syscall(SYS_fcntl, from, F_SETFD, 0) == 0;
}

bool set_descriptors(child_plan const& plan) noexcept
{
    // A source that is some other move's target would be overwritten: bring those above all targets
    // first, so that any permutation (a swap of 1 and 2, say) comes out right.
    constexpr std::size_t max_conflicts = 64;
    struct {
        int from, moved;
    } saved[max_conflicts];
    std::size_t saved_count = 0;
    int const above = plan.moves[plan.move_count - 1].to + 1;
    for (std::size_t i = 0; i < plan.move_count; ++i) {
        descriptor_move const& m = plan.moves[i];
        if (m.from < 0 || m.from == m.to || !is_target(plan, m.from))
            continue;
        if (saved_count == max_conflicts) {
            errno = E2BIG;
            return false;
        }
        long const moved = ::syscall(SYS_fcntl, m.from, F_DUPFD_CLOEXEC, above);
        if (moved < 0)
            return false;
        saved[saved_count++] = {m.from, static_cast<int>(moved)};
    }
    for (std::size_t i = 0; i < plan.move_count; ++i) {
        descriptor_move const& m = plan.moves[i];
        int from = m.from;
        for (std::size_t s = 0; s < saved_count && m.from != m.to; ++s)
            if (saved[s].from == m.from)
                from = saved[s].moved;
        if (from >= 0 && !place(m, from))
            return false;
    }
    // Last, when no source can be hit any more.
    for (std::size_t i = 0; i < plan.move_count; ++i) {
        if (plan.moves[i].from == descriptor_move::closed)
            ::syscall(SYS_close, plan.moves[i].to);
        else if (plan.moves[i].from == descriptor_move::null && !open_null(plan.moves[i].to))
            return false;
    }
    return true;
}

/// Signals start at their default action. CLONE_CLEAR_SIGHAND resets handlers but not ignored
/// signals, and is not there on every path; setting all is cheaper than asking.
void reset_signals(std::uint64_t which, bool keep_ignored) noexcept
{
    struct action { // the kernel's own layout begins with the handler; all zero is SIG_DFL
        std::uintptr_t handler;
        std::uintptr_t rest[7];
    };
    constexpr std::size_t mask_size = 8;
    constexpr std::uintptr_t ignored = 1; // SIG_IGN
    for (int number = 1; number <= 64; ++number) {
        if (!(which >> (number - 1) & 1))
            continue;
        action old{};
        if (keep_ignored) {
            ::syscall(SYS_rt_sigaction, number, nullptr, &old, mask_size);
            if (old.handler == ignored)
                continue;
        }
        action const defaults{};
        ::syscall(SYS_rt_sigaction, number, &defaults, nullptr, mask_size);
    }
}

/// The number comes first: without a time it is taken for that of a child just born. (The kernel
/// has written it already where clone3 was to be had.)
void introduce(guard_slot& slot) noexcept
{
    slot.pid = static_cast<pid_t>(::syscall(SYS_getpid));
    timespec t{};
    if (::syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &t) == 0)
        slot.alive_at = static_cast<std::uint64_t>(t.tv_sec) * 1000000000 +
                        static_cast<std::uint64_t>(t.tv_nsec);
}

void send_report(child_plan const& plan) noexcept
{
    // Never blocks: the pipe has room for far more than all reports of one child.
    if (plan.report_fd >= 0)
        ::syscall(SYS_write, plan.report_fd, &plan.report, sizeof plan.report);
}

void enter(child_plan& plan, stage step) noexcept
{
    plan.report.where = step;
    send_report(plan);
}

int failed(child_plan& plan, int error) noexcept
{
    plan.report.error = error;
    send_report(plan);
    return 127;
}

/// PR_SET_PDEATHSIG, last of all since a change of credentials clears it.
bool arm_death_signal(child_plan const& plan) noexcept
{
    if (plan.death_signal == 0)
        return true;
    if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, plan.death_signal, 0UL, 0UL, 0UL) != 0)
        return false;
    // It may have died before. A parent that is not in this PID namespace has no number here, 0,
    // before and after its death.
    long const parent = ::syscall(SYS_getppid);
    if (parent == plan.parent || parent == 0)
        return true;
    errno = ESRCH;
    return false;
}

/// Whether these are one file: the pipe of its reports has a name, too, /proc/self/fd/N, and kept
/// by the program it would not end with exec.
bool are_same(long fd, int other) noexcept
{
    struct stat one {};
    struct stat two {};
    return ::syscall(SYS_fstat, fd, &one) == 0 && ::syscall(SYS_fstat, other, &two) == 0 &&
           one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/// Non-blocking, so that a FIFO without a reader or writer does not hold it up; then as programs
/// expect it.
bool open_file(file_to_open const& file, int report_fd) noexcept
{
    long const fd = ::syscall(SYS_openat, AT_FDCWD, file.path,
                              file.flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, file.mode);
    if (fd < 0 || ::syscall(SYS_fcntl, fd, F_SETFL, file.flags & O_APPEND) < 0)
        return false;
    if (are_same(fd, report_fd)) {
        errno = ELOOP; // as a link that is not to be followed, see open(2)
        return false;
    }
    if (!place({static_cast<int>(fd), file.to}, static_cast<int>(fd)))
        return false;
    if (file.also >= 0 && ::syscall(SYS_dup3, file.to, file.also, 0) < 0)
        return false;
    if (fd != file.to && fd != file.also) // it may have been given either number by chance
        ::syscall(SYS_close, fd);
    return true;
}

bool open_files(child_plan& plan) noexcept
{
    for (std::size_t i = 0; i < plan.file_count; ++i) {
        enter(plan, plan.files[i].failed);
        if (!open_file(plan.files[i], plan.report_fd))
            return false;
    }
    return true;
}

bool enter_directory(child_plan& plan) noexcept
{
    enter(plan, stage::directory);
    if (plan.directory && ::syscall(SYS_chdir, plan.directory) < 0)
        return false;
    if (plan.set_umask)
        ::syscall(SYS_umask, plan.umask);
    return true;
}

} // namespace

int child_main(void* context) noexcept
{
    child_plan& plan = *static_cast<child_plan*>(context);
    child_report& report = plan.report;

    if (plan.guard)
        introduce(*plan.guard);
    if (plan.shared_below != 0 && !close_range(plan.shared_below, ~0U, CLOSE_RANGE_UNSHARE)) {
        report.table_refused = true;
        return failed(plan, errno);
    }
    enter(plan, stage::session);
    if (plan.new_session && ::syscall(SYS_setsid) < 0)
        return failed(plan, errno);
    enter(plan, stage::terminal);
    if (plan.terminal >= 0 && ::syscall(SYS_ioctl, plan.terminal, TIOCSCTTY, 0) < 0)
        return failed(plan, errno);
    enter(plan, stage::group);
    if (plan.set_group && ::syscall(SYS_setpgid, 0, plan.group) < 0)
        return failed(plan, errno);
    enter(plan, stage::descriptors);
    // When no more than the standard streams came along there is nothing else to mark.
    bool const others = plan.shared_below != 3 || plan.moves[plan.move_count - 1].to > 2;
    if (!set_descriptors(plan) || (others && !mark_others(plan)))
        return failed(plan, errno);
    // What may be opened and entered is the affair of who will be there, so it waits for the
    // change.
    bool const as_other_user = plan.identity && plan.identity->set_user;
    bool const enters_late = as_other_user || plan.drop_capabilities;
    if (!enters_late && !enter_directory(plan))
        return failed(plan, errno);
    if (plan.identity)
        use_permitted_capabilities();
    if (plan.limits) {
        enter(plan, stage::limits);
        if (int const error = apply_limits(*plan.limits, report); error != 0)
            return failed(plan, error);
    }
    enter(plan, stage::nice);
    if (plan.set_nice && ::syscall(SYS_setpriority, PRIO_PROCESS, 0, plan.nice) < 0)
        return failed(plan, errno);
    if (plan.identity) {
        enter(plan, stage::credentials);
        if (int const error = change_identity(*plan.identity, report); error != 0)
            return failed(plan, error);
        if (plan.limits) {
            enter(plan, stage::limits);
            if (int const error = finish_limits(*plan.limits, report); error != 0)
                return failed(plan, error);
        }
    }
    if (plan.drop_capabilities) {
        enter(plan, stage::capabilities);
        if (!drop_capabilities())
            return failed(plan, errno);
    }
    if (as_other_user && !open_files(plan))
        return failed(plan, errno);
    if (enters_late && !enter_directory(plan))
        return failed(plan, errno);
    enter(plan, stage::capabilities);
    if (plan.no_new_privileges &&
        ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
        return failed(plan, errno);
    enter(plan, stage::initializer);
    if (plan.hook) {
        if (int const error = plan.hook(plan.hook_context); error != 0)
            return failed(plan, error);
    }
    enter(plan, stage::death_signal);
    if (!arm_death_signal(plan))
        return failed(plan, errno);
    reset_signals(plan.reset_signals, plan.keep_ignored);
    enter(plan, stage::exec);
    // A signal that came in since the birth acts here, on the default action.
    ::syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &plan.signal_mask, nullptr, 8);
    ::syscall(SYS_execve, plan.file, plan.argv, plan.envp);
    return failed(plan, errno);
}

} // namespace execasio::sys
