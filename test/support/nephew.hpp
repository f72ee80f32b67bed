#pragma once

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// A process that is not this program's child, but a child's. Waits for a signal; ends with 7 at
/// SIGUSR1, ignores SIGHUP.
class nephew {
public:
    enum class parent {
        reaps,  ///< it at its end
        holds,  ///< the zombie
        leaves, ///< before: the nephew is an orphan
    };

    /// @param leads_group Of its own, rather than to be in this program's.
    /// @param effective_user Its only number of that user; the others are another's. For root.
    explicit nephew(parent kind, bool leads_group = false, uid_t effective_user = 0)
    {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        parent_ = ::fork();
        BOOST_REQUIRE(parent_ >= 0);
        if (parent_ == 0) {
            pid_t const child = ::fork();
            if (child == 0 && leads_group)
                ::setpgid(0, 0);
            if (child == 0 && effective_user != 0 && ::setresuid(1, effective_user, 1) != 0)
                ::_exit(1);
            if (child == 0)
                run(ends[1]);
            if (kind == parent::leaves)
                ::_exit(0);
            if (kind == parent::reaps)
                ::waitpid(child, nullptr, 0);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                ::pause();
        }
        ::close(ends[1]);
        BOOST_REQUIRE(::read(ends[0], &pid_, sizeof pid_) == sizeof pid_);
        ::close(ends[0]);
        if (kind == parent::leaves)
            bury_parent();
    }
    nephew(nephew const&) = delete;
    nephew& operator=(nephew const&) = delete;
    ~nephew()
    {
        if (!ended_)
            ::kill(pid_, SIGKILL);
        bury_parent();
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// From here on its number may be another's.
    void ended() noexcept { ended_ = true; }

private:
    [[noreturn]] static void run(int report)
    {
        sigset_t end;
        ::sigemptyset(&end);
        ::sigaddset(&end, SIGUSR1);
        ::sigprocmask(SIG_BLOCK, &end, nullptr);
        ::signal(SIGHUP, SIG_IGN);
        pid_t const self = ::getpid();
        if (::write(report, &self, sizeof self) != sizeof self)
            ::_exit(1);
        siginfo_t info;
        while (::sigwaitinfo(&end, &info) < 0) { // interrupted
        }
        ::_exit(7);
    }

    void bury_parent() noexcept
    {
        if (parent_ <= 0)
            return;
        ::kill(parent_,
               SIGKILL); // one that leaves has ended in any case, when its child has said so
        ::waitpid(parent_, nullptr, 0);
        parent_ = 0;
    }

    pid_t pid_ = 0;
    pid_t parent_ = 0;
    bool ended_ = false;
};

} // namespace test
