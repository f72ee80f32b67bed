#include "support/conditions.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"

#include <execasio/spawn.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stage;
using test::ensure;
using test::failure_in_fork;
using test::pipe_ends;
using test::puppet;

namespace {

std::atomic<int> handled = 0;
pid_t handler_belongs_to = 0;
std::atomic<int> handled_elsewhere = 0;

extern "C" void count_signal(int)
{
    ++handled;
    // Not getpid(): a child in our memory has a number of its own, whatever glibc may think.
    if (::syscall(SYS_getpid) != handler_belongs_to)
        ++handled_elsewhere;
}

/// One that the launcher resets, and one that it leaves to the kernel.
std::array<int, 2> storm_signals()
{
    return {SIGUSR1, SIGRTMIN + 1};
}

/// Launches in a storm of signals, whose handlers must run in this process only.
void launch_in_a_storm()
{
    ensure(::setpgid(0, 0) == 0, "setpgid");
    handler_belongs_to = ::getpid();
    struct sigaction action {};
    action.sa_handler = count_signal;
    action.sa_flags = SA_RESTART;
    for (int const number : storm_signals())
        ::sigaction(number, &action, nullptr);
    pid_t const storm = ::fork();
    if (storm == 0) {
        for (int const number : storm_signals())
            ::signal(number, SIG_IGN);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            for (int const number : storm_signals()) {
                ::kill(0, number);
                timespec const pause{0, 20'000};
                ::nanosleep(&pause, nullptr); // a storm that leaves room to work in
            }
    }
    int exited = 0;
    int killed = 0;
    int refused_before_exec = 0;
    asio::io_context context;
    for (int i = 0; i < 500; ++i) {
        try {
            command cmd = puppet("exit", "3");
            process p = execasio::spawn(context.get_executor(), cmd);
            p.async_wait([&](error_code ec, exit_record const& how) {
                ensure(!ec, ec.message());
                if (how.code() == 3)
                    ++exited;
                else if (how.signal() != 0)
                    ++killed;
            });
            context.run();
            context.restart();
        } catch (execasio::spawn_error const& e) {
            ensure(e.code() == errc::died_before_exec, e.what());
            ++refused_before_exec;
        }
    }
    ::kill(storm, SIGKILL);
    ::waitpid(storm, nullptr, 0);
    ensure(exited + killed + refused_before_exec == 500,
           std::to_string(exited) + " exited, " + std::to_string(killed) + " killed");
    ensure(handled > 0, "no storm");
    ensure(handled_elsewhere == 0, "a handler ran in a child");
    struct sigaction after {};
    ::sigaction(SIGUSR1, nullptr, &after);
    ensure(after.sa_handler == count_signal, "the handler is gone");
#ifndef __SANITIZE_THREAD__ // it runs handlers later, and blocks signals for that
    std::string const blocked = test::status_of(::getpid(), "SigBlk");
    ensure(blocked.find_first_not_of('0') == std::string::npos, "blocked: " + blocked);
#endif
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(launcher, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_failed_exec_prints_nothing_twice)
{
    pipe_ends pipe;
    std::string const failure = failure_in_fork([&] {
        ::dup2(pipe.writer(), 1);
        std::printf("buffered"); // and not flushed yet
        asio::io_context context;
        error_code ec;
        process const p = execasio::spawn(context.get_executor(), command("/no/such/program"), ec);
        ensure(ec.value() == ENOENT, ec.message());
        ensure(!test::has_children(), "a child is left");
        std::fflush(stdout);
    });
    BOOST_TEST(failure == "");
    pipe.close_writer();
    std::vector<char> text(100);
    ssize_t const size = ::read(pipe.reader(), text.data(), text.size());
    BOOST_TEST(std::string(text.data(), static_cast<std::size_t>(size)) == "buffered");
}

BOOST_AUTO_TEST_CASE(a_child_that_is_killed_before_its_first_step_is_no_success)
{
    // A tracer gets hold of the child at its birth, when it has not done anything.
    pid_t const subject = ::fork();
    if (subject == 0) {
        ::raise(SIGSTOP);
        asio::io_context context;
        try {
            process const p = execasio::spawn(context.get_executor(), puppet());
            std::_Exit(1);
        } catch (execasio::spawn_error const& e) {
            std::_Exit(e.where() == stage::clone && e.code() == errc::died_before_exec &&
                               e.pid() > 0 && !test::has_children()
                           ? 0
                           : 2);
        }
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(subject, &status, WUNTRACED) == subject);
    long const options = PTRACE_O_TRACEVFORK | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE;
    if (::ptrace(PTRACE_SEIZE, subject, nullptr, options) != 0) {
        BOOST_TEST_MESSAGE("skipped: ptrace is refused here");
        ::kill(subject, SIGKILL);
        ::waitpid(subject, &status, 0);
        return;
    }
    ::kill(subject, SIGCONT);
    int result = -1;
    for (;;) {
        pid_t const pid = ::waitpid(-1, &status, __WALL);
        BOOST_REQUIRE(pid > 0);
        if (pid == subject && !WIFSTOPPED(status)) {
            result = status;
            break;
        }
        if (!WIFSTOPPED(status))
            continue; // the child, killed
        if (pid != subject) {
            ::kill(pid, SIGKILL);
            continue;
        }
        // A signal is passed on; an event is not one.
        bool const event = status >> 16 != 0;
        ::ptrace(PTRACE_CONT, pid, nullptr, event ? 0L : long{WSTOPSIG(status)});
    }
    BOOST_TEST(result == 0);
}

BOOST_AUTO_TEST_CASE(handlers_of_the_parent_never_run_in_a_child)
{
    // All of it in a process group of its own, which is what the storm is aimed at.
    BOOST_TEST(failure_in_fork(launch_in_a_storm) == "");
#ifndef __SANITIZE_THREAD__ // it does not bear the older call
    auto const failure = failure_in_fork([] {
        test::refuse_system_calls({SYS_clone3}, ENOSYS);
        launch_in_a_storm();
    });
    BOOST_TEST(failure == "");
#endif
}

BOOST_AUTO_TEST_SUITE_END()
