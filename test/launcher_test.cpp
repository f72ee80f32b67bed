#include "support/conditions.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/exit_engine.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EXECASIO_TEST_SANITIZED 1
#else
#define EXECASIO_TEST_SANITIZED 0
#endif

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::process_group;
using execasio::stage;
using execasio::stream;
using test::ensure;
using test::failure_in_fork;
using test::has_ended;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::scaled;

namespace {

struct filter {
    char const* name;
    std::vector<long> refused;
    bool clone_with_pidfd;
};

std::vector<filter> const filters = {
    {"clone3", {SYS_clone3}, false},
    {"clone3, CLONE_PIDFD", {SYS_clone3}, true},
    {"clone3, CLONE_PIDFD, pidfd_open", {SYS_clone3, SYS_pidfd_open}, true},
    {"close_range", {SYS_close_range}, false},
    {"pidfd_send_signal", {SYS_pidfd_send_signal}, false},
    {"everything",
     {SYS_clone3, SYS_pidfd_open, SYS_close_range, SYS_pidfd_send_signal, SYS_pwritev2},
     true},
};

/// A tour of what a launch and its process can do; throws at the first thing that does not hold.
void check_everything()
{
    asio::io_context context;
    std::exception_ptr failure;
    auto const body = []() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int const leaky = ::open("/dev/null", O_RDONLY); // as other code's may be
        command cmd = puppet("fds", "signals", "cat", "exit", "3");
        cmd.input(stream::pipe).output(stream::pipe).error(stream::null);
        cmd.descriptor(40, leaky);
        process p = execasio::spawn(ex, cmd);
        auto line = co_await p.output().read_line();
        ensure(line == "0 1 2 40", "descriptors: " + line.value_or("none"));
        line = co_await p.output().read_line();
        ensure(line == "signals:", line.value_or("none"));
        co_await p.input().write(asio::buffer("text", 4));
        co_await p.input().finish();
        std::string const text = co_await p.output().read_all();
        ensure(text == "text", text);
        exit_record how = co_await p.wait();
        ensure(how.code() == 3, describe(how));

        process dies = execasio::spawn(ex, puppet("pause-forever"));
        dies.signal(SIGUSR1);
        how = co_await dies.wait();
        ensure(how.signal() == SIGUSR1, describe(how));
        error_code ec;
        dies.signal(SIGUSR1, ec);
        ensure(ec == errc::already_ended, ec.message());

        command grouped = puppet("fork", "ids", "pause-forever", "join", "pause-forever");
        grouped.output(stream::pipe).group(process_group::create());
        process leader = execasio::spawn(ex, grouped);
        line = co_await leader.output().read_line();
        execasio::stop_plan const plan = execasio::stop_plan().target(execasio::stop_target::group);
        how = co_await execasio::stop(leader, plan);
        ensure(how.signal() == SIGTERM, describe(how));
        line = co_await leader.output().read_line(); // ends when the last of the group has ended
        ensure(!line, "the group lives on");

        for (int i = 0; i < 30; ++i) {
            try {
                process const none = execasio::spawn(ex, command("/no/such/program"));
                ensure(false, "a launch of nothing succeeded");
            } catch (execasio::spawn_error const& e) {
                ensure(e.where() == stage::exec && e.code().value() == ENOENT, e.what());
            }
            process dropped = execasio::spawn(ex, puppet("pause-forever"));
        }
        ::close(leaky);
    };
    asio::co_spawn(context, body, [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    ensure(!test::has_children(), "a child is left");
}

void be_descriptor_limited(rlim_t count)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = count;
    ensure(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

/// As many descriptors as wanted, if the limits allow.
class open_descriptors_held {
public:
    explicit open_descriptors_held(std::size_t count)
    {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        before_ = limit;
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, count + 1000);
        ::setrlimit(RLIMIT_NOFILE, &limit);
        for (std::size_t i = 0; i < count; ++i) {
            int const fd = ::fcntl(2, F_DUPFD_CLOEXEC, 3);
            if (fd < 0)
                break;
            held_.push_back(fd);
        }
    }
    open_descriptors_held(open_descriptors_held const&) = delete;
    open_descriptors_held& operator=(open_descriptors_held const&) = delete;
    ~open_descriptors_held()
    {
        for (int const fd : held_)
            ::close(fd);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }
    [[nodiscard]] std::size_t size() const { return held_.size(); }

private:
    std::vector<int> held_;
    rlimit before_{};
};

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

} // namespace

BOOST_FIXTURE_TEST_SUITE(launcher, test::no_leaks)

BOOST_AUTO_TEST_CASE(everything_works_behind_a_filter)
{
#ifdef __SANITIZE_THREAD__
    // It intercepts clone(2), takes the child for one with a memory of its own, and locks up.
    BOOST_TEST_MESSAGE("skipped: ThreadSanitizer does not bear the older call");
    return;
#endif
    for (filter const& f : filters)
        for (int const error : {EPERM, ENOSYS}) {
            std::string const failure = failure_in_fork([&] {
                test::refuse_system_calls(f.refused, error, f.clone_with_pidfd);
                check_everything();
            });
            BOOST_TEST_INFO(f.name << " answered with errno " << error);
            BOOST_TEST(failure == "");
        }
}

BOOST_AUTO_TEST_CASE(many_threads_launch_at_once)
{
    constexpr int threads = 4;
    constexpr int each = EXECASIO_TEST_SANITIZED ? 100 : 500;
    std::atomic<int> right = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
        all.emplace_back([&right, t] {
            asio::io_context context(1);
            auto const body = [&right, t]() -> asio::awaitable<void> {
                auto const ex = co_await asio::this_coro::executor;
                for (int i = 0; i < each; ++i) {
                    std::string const word = std::to_string(t * 1000 + i);
                    command cmd = puppet("say", word, "err", word, "count", "exit", "7");
                    cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
                    process p = execasio::spawn(ex, cmd);
                    co_await p.input().finish();
                    std::string const out = co_await p.output().read_all();
                    std::string const err = co_await p.error().read_all();
                    exit_record const how = co_await p.wait();
                    // An end of a pipe in a child of another thread would delay its end for ever.
                    if (out == word + "\n0\n" && err == word + "\n" && how.code() == 7)
                        ++right;
                }
            };
            asio::co_spawn(context, body, [](std::exception_ptr) {});
            context.run_for(scaled(100s));
        });
    for (std::thread& t : all)
        t.join();
    BOOST_TEST(right == threads * each);
}

BOOST_AUTO_TEST_CASE(a_child_does_not_copy_thousands_of_descriptors)
{
    open_descriptors_held const held(5000);
    BOOST_TEST_INFO("descriptors held: " << held.size());
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        if (held.size() < 3000) {
            BOOST_TEST_MESSAGE("skipped: the limit of descriptors is too low");
            co_return;
        }
        command cmd = puppet("fds", "await");
        cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "0 1 2");
        // The size that the table has had at its largest.
        BOOST_TEST(std::stoul(test::status_of(p.id(), "FDSize")) <= 256u);
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 0);
    });
}

BOOST_AUTO_TEST_CASE(running_out_of_descriptors_at_any_step_is_an_error_that_leaks_nothing)
{
    std::map<stage, int> seen;
    for (rlim_t more = 0; more <= 14; ++more) {
        pipe_ends report;
        std::string const failure = failure_in_fork([&] {
            // As a program that has not launched anything yet, and one that has.
            for (bool const first : {true, false}) {
                asio::io_context context;
                auto const ex = context.get_executor();
                command cmd = puppet("exit", "0");
                cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
                if (!first) {
                    process warm = execasio::spawn(ex, cmd);
                    warm.async_wait([](error_code, exit_record const&) {});
                    context.run();
                    context.restart();
                }
                std::size_t const before = test::open_descriptors();
                int const next = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
                ::close(next);
                std::vector<int> gaps; // so that exactly so many more can be opened
                for (int fd = next; fd < next + 64; ++fd)
                    if (::fcntl(fd, F_GETFD) < 0)
                        gaps.push_back(::fcntl(0, F_DUPFD_CLOEXEC, fd));
                for (int const fd : gaps)
                    ::close(fd);
                be_descriptor_limited(static_cast<rlim_t>(next) + more);
                stage where = stage::none;
                try {
                    process p = execasio::spawn(ex, cmd);
                    p.async_wait([](error_code, exit_record const&) {});
                    context.run();
                } catch (execasio::spawn_error const& e) {
                    where = e.where();
                    ensure(e.code().value() == EMFILE, e.what());
                }
                be_descriptor_limited(1000);
                ensure(!test::has_children(), "a child is left");
                if (!first || where == stage::pipe_input || where == stage::pipe_output ||
                    where == stage::pipe_error)
                    ensure(test::open_descriptors() == before, "a descriptor is left");
                auto const byte = static_cast<unsigned char>(where);
                ensure(::write(report.writer(), &byte, 1) == 1, "write");
            }
        });
        BOOST_TEST_INFO("descriptors left: " << more);
        BOOST_TEST(failure == "");
        report.close_writer();
        unsigned char byte;
        while (::read(report.reader(), &byte, 1) == 1)
            ++seen[static_cast<stage>(byte)];
    }
    for (stage const s : {stage::pipe_input, stage::pipe_output, stage::pipe_error, stage::watch,
                          stage::clone, stage::none})
        BOOST_TEST(seen[s] > 0, "never failed at: " << execasio::to_string(s));
    for (auto const& [where, count] : seen)
        BOOST_TEST_MESSAGE(execasio::to_string(where) << ": " << count);
}

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

BOOST_AUTO_TEST_CASE(a_stream_that_the_parent_has_closed_is_closed_in_the_child)
{
    for (int const number : {0, 2}) {
        std::string const failure = failure_in_fork([number] {
            asio::io_context context;
            auto const ex = context.get_executor();
            // What a launch opens by itself the first time is not to fill the gap.
            process warm = execasio::spawn(ex, puppet("exit", "0"));
            warm.async_wait([](error_code, exit_record const&) {});
            context.run();

            command cmd = puppet("link", std::to_string(number));
            cmd.output(stream::pipe);
            if (number != 0)
                cmd.input(stream::pipe);
            ::close(number); // one of the pipe's ends gets the number
            process p = execasio::spawn(ex, cmd);
            ensure(has_ended(p.id(), 10s), "it runs on");
            std::vector<char> text(100);
            error_code ec;
            std::size_t const size = p.output().try_read(asio::buffer(text), ec);
            ensure(std::string(text.data(), size) == "closed\n", std::string(text.data(), size));
            ensure(!p.poll(), "it is not reaped");
        });
        BOOST_TEST(failure == "");
    }
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_not_open_is_not_taken_for_one_that_is_made_here)
{
    asio::io_context context;
    int const free_number = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
    ::close(free_number); // the first that the launch itself opens gets it
    for (bool const standard : {false, true}) {
        command cmd = puppet("pause-forever");
        cmd.input(stream::pipe);
        if (standard)
            cmd.output(stream::descriptor(free_number));
        else
            cmd.descriptor(5, free_number);
        try {
            process const p = execasio::spawn(context.get_executor(), cmd);
            BOOST_ERROR("the spawn succeeded");
        } catch (execasio::spawn_error const& e) {
            BOOST_TEST(e.where() == stage::descriptors);
            BOOST_TEST(e.code().value() == EBADF);
        }
    }
}

BOOST_AUTO_TEST_CASE(handlers_of_the_parent_never_run_in_a_child)
{
    // All of it in a process group of its own, which is what the storm is aimed at.
    std::string const failure = failure_in_fork([] {
        ensure(::setpgid(0, 0) == 0, "setpgid");
        handler_belongs_to = ::getpid();
        struct sigaction action {};
        action.sa_handler = count_signal;
        action.sa_flags = SA_RESTART;
        for (int const number : {SIGUSR1, SIGHUP})
            ::sigaction(number, &action, nullptr);
        pid_t const storm = ::fork();
        if (storm == 0) {
            ::signal(SIGUSR1, SIG_IGN);
            ::signal(SIGHUP, SIG_IGN);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                for (int const number : {SIGUSR1, SIGHUP}) {
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
                    else if (how.signal() == SIGUSR1 || how.signal() == SIGHUP)
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
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(thousands_of_children_do_not_slow_the_launch)
{
    rlimit processes{};
    rlimit files{};
    ::getrlimit(RLIMIT_NPROC, &processes);
    ::getrlimit(RLIMIT_NOFILE, &files);
    std::size_t const affordable = std::min<std::size_t>(
        processes.rlim_cur / 2, files.rlim_max > 1000 ? files.rlim_max - 1000 : 0);
    std::size_t const count =
        std::min<std::size_t>(affordable, EXECASIO_TEST_SANITIZED ? 300 : 2000);
    rlimit raised = files;
    raised.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
    run_coroutine(
        [count]() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            // In CPU time, ours and the children's: what the machine does besides must not count.
            auto const cost_of_twenty = [&]() -> asio::awaitable<double> {
                std::vector<double> rounds;
                for (int i = 0; i < 7; ++i) {
                    std::chrono::duration<double> used = -test::own_cpu_time();
                    for (int n = 0; n < 20; ++n) {
                        process p = execasio::spawn(ex, puppet("exit", "0"));
                        exit_record const how = co_await p.wait();
                        used += how.user_time() + how.system_time();
                    }
                    used += test::own_cpu_time();
                    rounds.push_back(used.count());
                }
                co_return *std::min_element(rounds.begin(), rounds.end());
            };
            double const alone = co_await cost_of_twenty();
            pipe_ends gate;
            command cmd = puppet("await");
            cmd.input(stream::descriptor(gate.reader())).output(stream::null);
            std::vector<process> all;
            std::size_t ended = 0;
            for (std::size_t i = 0; i < count; ++i) {
                all.push_back(execasio::spawn(ex, cmd));
                all.back().async_wait([&](error_code, exit_record const& how) {
                    ended += how.code() == 0 ? 1u : 0u;
                });
            }
            double const among_many = co_await cost_of_twenty();
            BOOST_TEST_INFO(count << " children, CPU time of 20: " << alone << " s, then "
                                  << among_many << " s");
            // Without pidfds the kernel itself goes through all children at each exit.
            bool const by_sigchld =
                execasio::current_exit_engine() == execasio::exit_engine::sigchld;
            BOOST_TEST(among_many <= (by_sigchld ? 10 : 2) * alone);
            gate.close_reader();
            gate.close_writer();
            co_await test::until([&] { return ended == count; }, 60s);
        },
        120s);
    ::setrlimit(RLIMIT_NOFILE, &files);
}

BOOST_AUTO_TEST_SUITE_END()
