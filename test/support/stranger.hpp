#pragma once

#include <cstdint>

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// A process with a number of our choice, which leads a group of its own and does nothing: what is
/// there when a process id is used again. Wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
class stranger {
public:
    /// @param nephew It is not a child of this process, but of one.
    explicit stranger(pid_t wanted, bool nephew = false)
    {
        if (!nephew) {
            pid_ = begin(wanted);
            return;
        }
        int ends[2];
        if (::pipe(ends) != 0)
            return;
        parent_ = ::fork();
        if (parent_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            pid_t const pid = begin(wanted);
            if (::write(ends[1], &pid, sizeof pid) < 0)
                ::_exit(1);
            for (;;)
                ::pause();
        }
        ::close(ends[1]);
        if (::read(ends[0], &pid_, sizeof pid_) != sizeof pid_)
            pid_ = -1;
        ::close(ends[0]);
    }
    stranger(stranger const&) = delete;
    stranger& operator=(stranger const&) = delete;
    ~stranger()
    {
        if (pid_ > 0)
            ::kill(pid_, SIGKILL);
        if (parent_ > 0)
            ::kill(parent_, SIGKILL);
        if (pid_ > 0 && parent_ < 0)
            ::waitpid(pid_, nullptr, 0);
        if (parent_ > 0)
            ::waitpid(parent_, nullptr, 0);
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; } ///< negative: not allowed

private:
    static pid_t begin(pid_t wanted)
    {
        clone_args arguments{};
        arguments.exit_signal = SIGCHLD;
        arguments.set_tid = reinterpret_cast<std::uintptr_t>(&wanted);
        arguments.set_tid_size = 1;
        auto const pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
        if (pid != 0)
            return pid;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::setpgid(0, 0);
        for (;;)
            ::pause();
    }

    pid_t pid_ = -1;
    pid_t parent_ = -1;
};

} // namespace test
