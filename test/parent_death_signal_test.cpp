#include "support/conditions.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/initializers.hpp>
#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <cerrno>
#include <new>
#include <string>

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::credentials;
using execasio::stage;
using test::puppet;
using test::run_coroutine;

namespace {

/// In the child: ends the parent, and goes on when it is gone.
struct outlives_the_parent {
    pid_t* child; // shared with the test

    execasio::error_code on_exec_setup(boost::process::v2::posix::default_launcher&,
                                       boost::process::v2::filesystem::path const&,
                                       char const* const*) const noexcept
    {
        *child = static_cast<pid_t>(::syscall(SYS_getpid));
        long const parent = ::syscall(SYS_getppid);
        ::syscall(SYS_kill, parent, SIGKILL);
        while (::syscall(SYS_getppid) == parent)
            ::syscall(SYS_sched_yield);
        return {};
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(parent_death_signal, test::no_leaks)

BOOST_AUTO_TEST_CASE(it_is_armed_after_a_change_of_user_too)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("parent-death-signal");
        execasio::run_result result = co_await execasio::run(cmd);
        BOOST_TEST(result.output.text == "0\n");
        cmd.parent_death_signal(SIGTERM);
        result = co_await execasio::run(cmd);
        BOOST_TEST(result.output.text == "15\n");
        if (!test::may_change_identity())
            co_return;
        // The kernel clears it when the group changes, too.
        cmd.credentials(credentials::user(0).group(1));
        result = co_await execasio::run(cmd);
        BOOST_TEST(result.output.text == "15\n");
    });
}

BOOST_AUTO_TEST_CASE(no_signal_of_that_number)
{
    for (int const number : {-1, 65}) {
        auto const failed = test::failure_of_launch(puppet().parent_death_signal(number));
        BOOST_TEST(failed.where == stage::death_signal);
        BOOST_TEST(failed.why.value() == EINVAL);
    }
}

BOOST_AUTO_TEST_CASE(a_child_does_not_outlive_a_parent_that_is_killed)
{
    for (bool const as_somebody : {false, true}) {
        if (as_somebody && !test::may_change_identity())
            return;
        test::pipe_ends report;
        pid_t const manager = ::fork();
        BOOST_REQUIRE(manager >= 0);
        if (manager == 0) {
            asio::io_context context;
            try {
                command cmd("/bin/sleep", "3600");
                cmd.parent_death_signal(SIGKILL).on_destroy(execasio::lifetime::survive);
                if (as_somebody)
                    cmd.credentials(credentials::user("nobody"));
                execasio::process const p = execasio::spawn(context.get_executor(), cmd);
                pid_t const pid = p.id();
                if (::write(report.writer(), &pid, sizeof pid) < 0)
                    std::_Exit(1);
                for (;;)
                    ::pause();
            } catch (...) {
                std::_Exit(2);
            }
        }
        report.close_writer();
        pid_t child = 0;
        BOOST_TEST(::read(report.reader(), &child, sizeof child) ==
                   static_cast<ssize_t>(sizeof child));
        bool const ran = child > 0 && !test::has_ended(child);
        ::kill(manager, SIGKILL);
        int status = 0;
        BOOST_TEST(::waitpid(manager, &status, 0) == manager);
        BOOST_TEST(ran);
        bool const ended = child > 0 && test::has_ended(child, 10s);
        BOOST_TEST(ended);
        if (child > 0 && !ended)
            ::kill(child, SIGKILL);
    }
}

BOOST_AUTO_TEST_CASE(nor_one_that_died_before_it_was_armed)
{
    void* const shared =
        ::mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BOOST_REQUIRE(shared != MAP_FAILED);
    pid_t* const child = new (shared) pid_t(0);
    pid_t const manager = ::fork();
    BOOST_REQUIRE(manager >= 0);
    if (manager == 0) {
        asio::io_context context;
        try {
            command cmd("/bin/sleep", "3600");
            cmd.parent_death_signal(SIGKILL).on_destroy(execasio::lifetime::survive);
            execasio::process const p =
                execasio::spawn(context.get_executor(), cmd, outlives_the_parent{child});
        } catch (...) {
        }
        std::_Exit(1);
    }
    int status = 0;
    BOOST_TEST(::waitpid(manager, &status, 0) == manager);
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_REQUIRE(*child > 0);
    bool const ended = test::has_ended(*child, 10s);
    BOOST_TEST(ended);
    if (!ended)
        ::kill(*child, SIGKILL);
    ::munmap(shared, sizeof(pid_t));
}

BOOST_AUTO_TEST_SUITE_END()
