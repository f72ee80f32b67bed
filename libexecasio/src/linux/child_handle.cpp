#include "linux/child_handle.hpp"

#include "linux/newer_kernel.hpp"
#include "linux/process_entry.hpp"

#include <cerrno>

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

int status_of(siginfo_t const& info) noexcept
{
    switch (info.si_code) {
    case CLD_EXITED: return (info.si_status & 0xff) << 8;
    case CLD_DUMPED: return (info.si_status & 0x7f) | WCOREFLAG;
    default: return info.si_status & 0x7f;
    }
}

/// As a wait status; nullopt when it may not be known: the kernel shows it to those who might trace
/// the process.
std::optional<int> zombie_exit_code(pid_t pid) noexcept
{
    process_entry zombie;
    if (!read_process(pid, zombie) || zombie.state != 'Z')
        return std::nullopt;
    // Zero is also what those read who may not know. They may not know the program's file either,
    // which a zombie has none of.
    char path[32];
    proc_path(pid, "/exe", path);
    char ignored;
    if (zombie.exit_code == 0 && (::readlink(path, &ignored, 1) >= 0 || errno != ENOENT))
        return std::nullopt;
    return zombie.exit_code;
}

} // namespace

unique_fd open_pidfd(pid_t pid) noexcept
{
    return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

wait_outcome child_handle::wait(int options, int* status, rusage* usage) const noexcept
{
    if (reaped_ || pid_ <= 0)
        return wait_outcome::lost;
    siginfo_t info{};
    int const type = pidfd_ ? p_pidfd : P_PID;
    int const id = pidfd_ ? pidfd_.get() : pid_;
    long result;
    do { // the raw call: glibc's waitid has no rusage
        result = ::syscall(SYS_waitid, type, id, &info, WEXITED | options, usage);
    } while (result == -1 && errno == EINTR);
    if (result == -1)
        return wait_outcome::lost;
    if (info.si_pid == 0)
        return wait_outcome::running;
    if (status)
        *status = status_of(info);
    return wait_outcome::ended;
}

wait_outcome child_handle::peek() const noexcept
{
    if (foreign_ && !pidfd_) // forgotten at its end: nothing protects its number any more
        return wait_outcome::lost;
    if (foreign_)
        return poll_pidfd() & POLLIN ? wait_outcome::ended : wait_outcome::running;
    return wait(WNOHANG | WNOWAIT, nullptr, nullptr);
}

wait_outcome child_handle::reap(int& status, rusage& usage) noexcept
{
    // A foreign process may yet be ours to reap: an orphan, under a subreaper. One that is guarded
    // is guarded at any moment as long as it runs.
    if ((foreign_ || guard_) && peek() == wait_outcome::running)
        return wait_outcome::running;
    guard_.before_reap(rest_);
    wait_outcome const outcome = wait(WNOHANG, &status, &usage);
    if (outcome == wait_outcome::running) {
        guard_.resume();
        return outcome;
    }
    reaped_ = true;
    own_.release();
    if (rest_ == guarded_rest::nothing)
        guard_.release();
    return outcome;
}

short child_handle::poll_pidfd() const noexcept
{
    pollfd p{pidfd_.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 1 ? p.revents : short{0};
}

bool child_handle::is_gone() const noexcept
{
    return (poll_pidfd() & POLLHUP) != 0; // Linux 6.9; earlier kernels never say so
}

std::optional<int> child_handle::zombie_status() const
{
    auto const status = zombie_exit_code(pid_);
    // If it has been reaped since, the number may have been another process's already.
    return status && !is_gone() ? status : std::nullopt;
}

void child_handle::reap_blocking() noexcept
{
    guard_.release();
    static_cast<void>(wait(0, nullptr, nullptr)); // lost or taken: gone either way
    reaped_ = true;
    own_.release();
}

int child_handle::signal(int number) const noexcept
{
    if (pid_ <= 0)
        return ESRCH;
    if (pidfd_) {
        if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0)
            return 0;
        // A filter may refuse the call itself; then EPERM cannot be told from a real refusal, which
        // kill(2) would repeat.
        if ((errno != ENOSYS && errno != EPERM) || foreign_)
            return errno;
    }
    if (peek() == wait_outcome::lost)
        return ESRCH;
    return ::kill(pid_, number) == 0 ? 0 : errno;
}

int child_handle::signal_group(pid_t group, int number) const noexcept
{
    if (pid_ <= 0 || group <= 1)
        return ESRCH;
    if (pidfd_ && group == pid_) {
        // Reaches the group of that very process, even when the leader has been reaped.
        if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr,
                      pidfd_signal_process_group) == 0)
            return 0;
        if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
            return errno;
    }
    // The number stays the group's as long as its member, our child, is not reaped and has not left
    // it. When a foreign one is reaped cannot be told before Linux 6.9, so it has to be alive.
    wait_outcome const now = peek();
    if (now == wait_outcome::lost || (foreign_ && now != wait_outcome::running))
        return ESRCH;
    if (group != pid_ && ::getpgid(pid_) != group)
        return ESRCH;
    return ::kill(-group, number) == 0 ? 0 : errno;
}

std::optional<int> child_handle::remembered_status(bool& later) const noexcept
{
    later = false;
    if (!pidfd_)
        return std::nullopt;
    bool const gone = is_gone(); // asked first: from then on it is remembered
    pidfd_info info{};
    info.mask = pidfd_info_exit;
    bool const told = ::ioctl(pidfd_.get(), pidfd_get_info, &info) == 0;
    if (told && (info.mask & pidfd_info_exit))
        return info.exit_code;
    if (!told && errno != ESRCH) // that it says for a moment while the process is being reaped
        return std::nullopt;
    later = !gone;
    return std::nullopt;
}

} // namespace execasio::sys
