#include "support/conditions.hpp"
#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/output_of.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/resource_limits.hpp>
#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>

#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::credentials;
using execasio::io_class;
using execasio::resource;
using execasio::resource_limits;
using execasio::scheduler;
using execasio::stage;
using test::ensure;
using test::failure_in_fork;
using test::failure_of_launch;
using test::may_change_identity;
using test::output_of;
using test::puppet;
using test::run_coroutine;

namespace {

/// "soft hard" by the titles of /proc/PID/limits.
std::map<std::string, std::string> parse_limits(std::string const& text)
{
    std::map<std::string, std::string> result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream values(line.substr(26));
        std::string soft;
        std::string hard;
        values >> soft >> hard;
        result[line.substr(0, line.find("  "))] = soft + " " + hard;
    }
    return result;
}

command limited(resource_limits l)
{
    return command("/bin/cat", "/proc/self/limits").limits(std::move(l));
}

std::string own_limit(int number)
{
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource>(number), &limit);
    auto const text = [](rlim_t value) {
        return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
    };
    return text(limit.rlim_cur) + " " + text(limit.rlim_max);
}

struct resource_title {
    resource what;
    char const* title;
    std::uint64_t value; ///< low enough for an ordinary user, and enough for a small program
};

constexpr std::uint64_t gib = 1024 * 1024 * 1024;

constexpr resource_title titles[] = {
    {resource::cpu, "Max cpu time", 777},
    {resource::fsize, "Max file size", 123456},
    {resource::data, "Max data size", 8 * gib},
    {resource::stack, "Max stack size", 4 * 1024 * 1024},
    {resource::core, "Max core file size", 0},
    {resource::rss, "Max resident set", 12345678},
    {resource::nproc, "Max processes", 4321},
    {resource::nofile, "Max open files", 77},
    {resource::memlock, "Max locked memory", 4096},
    {resource::as, "Max address space", 9 * gib},
    {resource::locks, "Max file locks", 11},
    {resource::sigpending, "Max pending signals", 12},
    {resource::msgqueue, "Max msgqueue size", 4096},
    {resource::nice, "Max nice priority", 0},
    {resource::rtprio, "Max realtime priority", 0},
    {resource::rttime, "Max realtime timeout", 99999},
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(resource_limits_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(every_limit_reaches_the_child_and_no_other)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command const plain("/bin/cat", "/proc/self/limits");
        auto const before = parse_limits(co_await output_of(plain));
        resource_limits all;
        for (resource_title const& t : titles) {
            all.both(t.what, t.value);
            resource_limits one;
            one.both(t.what, t.value);
            auto expected = before;
            expected[t.title] = std::to_string(t.value) + " " + std::to_string(t.value);
            auto const got = parse_limits(co_await output_of(limited(one)));
            BOOST_TEST_INFO(to_string(t.what));
            BOOST_TEST((got == expected));
            BOOST_TEST((execasio::resource_named(to_string(t.what)) == t.what));
        }
        auto const got = parse_limits(co_await output_of(limited(all)));
        for (resource_title const& t : titles)
            BOOST_TEST(got.at(t.title) == std::to_string(t.value) + " " + std::to_string(t.value));
        auto const after = parse_limits(co_await output_of(plain));
        BOOST_TEST((after == before));
    });
    BOOST_TEST(!execasio::resource_named("no such").has_value());
}

BOOST_AUTO_TEST_CASE(soft_and_hard_limits_are_set_apart)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const own = own_limit(RLIMIT_NOFILE);
        std::string const hard = own.substr(own.find(' '));
        auto got = parse_limits(
            co_await output_of(limited(resource_limits().soft(resource::nofile, 100))));
        BOOST_TEST(got["Max open files"] == "100" + hard);
        got =
            parse_limits(co_await output_of(limited(resource_limits().hard(resource::nofile, 90))));
        BOOST_TEST(got["Max open files"] == "90 90");
        got = parse_limits(co_await output_of(
            limited(resource_limits().soft(resource::nofile, 50).hard(resource::nofile, 90))));
        BOOST_TEST(got["Max open files"] == "50 90");
        got = parse_limits(co_await output_of(
            limited(resource_limits().soft(resource::fsize, resource_limits::unlimited))));
        BOOST_TEST(got["Max file size"] == own_limit(RLIMIT_FSIZE));
    });
}

BOOST_AUTO_TEST_CASE(raising_without_the_right_is_refused_and_named)
{
    std::string const failure = failure_in_fork([] {
        if (::geteuid() == 0)
            test::become(test::nobody, 0);
        rlimit const low{64, 64};
        ensure(::setrlimit(RLIMIT_NOFILE, &low) == 0, "setrlimit");
        auto const check = [](resource_limits const& l, int error, std::string const& subject) {
            auto const failed = failure_of_launch(limited(l));
            ensure(failed.where == stage::limits && failed.why.value() == error, failed.message);
            ensure(failed.message.find("'" + subject + "'") != std::string::npos, failed.message);
        };
        resource_limits l;
        check(l.hard(resource::nofile, 65), EPERM, "nofile");
        l = resource_limits();
        check(l.soft(resource::nofile, 65), EINVAL, "nofile"); // above the hard one
        l = resource_limits();
        check(l.io_priority(io_class::realtime, 0), EPERM, "I/O priority");
        l = resource_limits();
        check(l.oom_score_adjust(-1000), EACCES, "oom_score_adj");
        rlimit const none{0, 0};
        ensure(::setrlimit(RLIMIT_RTPRIO, &none) == 0, "setrlimit");
        l = resource_limits();
        check(l.schedule(scheduler::fifo, 1), EPERM, "scheduler");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(values_out_of_range_are_refused_and_named)
{
    auto const check = [](resource_limits const& l, std::string const& subject) {
        auto const failed = failure_of_launch(limited(l));
        BOOST_TEST(failed.where == stage::limits);
        BOOST_TEST(failed.why.value() == EINVAL);
        BOOST_TEST(failed.message.find("'" + subject + "'") != std::string::npos);
    };
    resource_limits l;
    check(l.soft(resource::core, 2).hard(resource::core, 1), "core");
    for (int const level : {-1, 8}) {
        l = resource_limits();
        check(l.io_priority(io_class::best_effort, level), "I/O priority");
    }
    for (int const value : {-1001, 1001}) {
        l = resource_limits();
        check(l.oom_score_adjust(value), "oom_score_adj");
    }
    l = resource_limits();
    check(l.schedule(scheduler::fifo, 100), "scheduler");
    l = resource_limits();
    check(l.schedule(scheduler::other, 1), "scheduler");
    for (std::vector<unsigned> const& cpus :
         {std::vector<unsigned>{}, std::vector<unsigned>{8191}, std::vector<unsigned>{~0U}}) {
        l = resource_limits();
        check(l.cpus(cpus), "CPUs");
    }
}

BOOST_AUTO_TEST_CASE(schedulers_and_priorities)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("scheduler", "io-priority", "nice");
        int const nicer = std::min(::getpriority(PRIO_PROCESS, 0) + 3, 19);
        std::string const nice = std::to_string(nicer) + "\n";
        cmd.nice(nicer);
        struct expectation {
            scheduler policy;
            io_class io;
            std::string text;
        };
        std::vector<expectation> const all = {
            {scheduler::other, io_class::best_effort, "0 0\n2 6\n"},
            {scheduler::batch, io_class::idle, "3 0\n3 0\n"},
            {scheduler::idle, io_class::best_effort, "5 0\n2 6\n"}};
        for (expectation const& e : all) {
            resource_limits l;
            l.schedule(e.policy).io_priority(e.io, 6);
            cmd.limits(l);
            BOOST_TEST(co_await output_of(cmd) == e.text + nice);
        }
        if (!execasio::capabilities::held().contains(CAP_SYS_NICE)) {
            BOOST_TEST_MESSAGE("skipped: real time without CAP_SYS_NICE");
            co_return;
        }
        for (scheduler const policy : {scheduler::fifo, scheduler::rr}) {
            resource_limits l;
            l.schedule(policy, 7).io_priority(io_class::realtime, 0);
            cmd.limits(l);
            BOOST_TEST(co_await output_of(cmd) ==
                       (policy == scheduler::fifo ? "1 7\n1 0\n" : "2 7\n1 0\n") + nice);
        }
    });
    BOOST_TEST(::sched_getscheduler(0) == SCHED_OTHER);
}

BOOST_AUTO_TEST_CASE(a_child_runs_on_the_cpus_given)
{
    cpu_set_t own;
    BOOST_REQUIRE(::sched_getaffinity(0, sizeof own, &own) == 0);
    unsigned last = 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &own))
            last = cpu;
    run_coroutine([&]() -> asio::awaitable<void> {
        resource_limits l;
        l.cpus({last});
        auto status = co_await test::status_of_child(command("cat").limits(l));
        BOOST_TEST(status["Cpus_allowed_list"] == std::to_string(last));
    });
    cpu_set_t after;
    BOOST_REQUIRE(::sched_getaffinity(0, sizeof after, &after) == 0);
    BOOST_TEST(CPU_EQUAL(&own, &after));
}

BOOST_AUTO_TEST_CASE(the_out_of_memory_score_is_the_childs_alone)
{
    auto const own = [] {
        int value = 0;
        std::ifstream("/proc/self/oom_score_adj") >> value;
        return value;
    };
    int const before = own();
    run_coroutine([]() -> asio::awaitable<void> {
        resource_limits l;
        l.oom_score_adjust(777);
        command const cmd = command("/bin/cat", "/proc/self/oom_score_adj").limits(l);
        BOOST_TEST(co_await output_of(cmd) == "777\n");
    });
    BOOST_TEST(own() == before);
}

BOOST_AUTO_TEST_CASE(limits_come_before_the_loss_of_rights)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        resource_limits l;
        l.both(resource::nofile, 99).schedule(scheduler::batch).oom_score_adjust(500);
        if (execasio::capabilities::held().contains(CAP_SYS_NICE))
            l.schedule(scheduler::rr, 3);
        command cmd = command::shell("ulimit -n; cat /proc/self/oom_score_adj; "
                                     "cut -d' ' -f 40,41 </proc/self/stat; nice");
        cmd.limits(l).credentials(credentials::user("nobody")).nice(-3);
        BOOST_TEST(co_await output_of(cmd) == "99\n500\n3 2\n-3\n");
    });
}

BOOST_AUTO_TEST_CASE(a_limit_of_processes_does_not_hinder_the_start_itself)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        // As root counts none against the limit, somebody else is needed; who has one process now.
        resource_limits l;
        l.both(resource::nproc, 0);
        command cmd = limited(l).credentials(credentials::user("nobody"));
        auto got = parse_limits(co_await output_of(cmd));
        BOOST_TEST(got["Max processes"] == "0 0");
        command forks = command::shell("(:) 2>/dev/null && echo forked; echo done");
        forks.limits(l).credentials(credentials::user("nobody"));
        execasio::run_result const result = co_await execasio::run(forks);
        BOOST_TEST(result.output.text.find("forked") == std::string::npos);
    });
}

BOOST_AUTO_TEST_SUITE_END()
