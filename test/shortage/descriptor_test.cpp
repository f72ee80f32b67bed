// Plans for many, while this program can open nothing: each in a process of its own.
#include "support/conditions.hpp"
#include "support/family.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/nephew.hpp"
#include "support/no_descriptors.hpp"
#include "support/no_leaks.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/run_in_fork.hpp"
#include "support/stranger.hpp"

#include <execasio/adopt.hpp>
#include <execasio/cgroup.hpp>
#include <execasio/group.hpp>
#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::process;
using execasio::stop_plan;
using execasio::stop_result;
using execasio::stop_target;
using test::ensure;
using test::failure_in_fork;
using test::family_word;
using test::never;
using test::no_descriptors;
using test::processes_with_word;
using test::puppet;
using test::run_in_fork;

namespace {

/// A child in a session of its own, and another in the group of the first, which ignores SIGTERM,
/// as they do.
command stubborn_family(std::string const& word)
{
    return puppet("ignore", "15", "fork-session", "pause-forever", "join", "fork", "pause-forever",
                  "join", "pause-forever", word);
}

/// The same without the session.
command stubborn_group(std::string const& word)
{
    command cmd = puppet("ignore", "15", "fork", "pause-forever", "join", "fork", "pause-forever",
                         "join", "pause-forever", word);
    return cmd.group(execasio::process_group::create());
}

/// Not even what could be given back.
constexpr rlim_t no_room = 3;

/// A program that has many descriptors, so that the library keeps some in reserve.
constexpr rlim_t many = 400;

/// Ends a family of three while nothing can be opened.
asio::awaitable<void> end_without_descriptors(command cmd, std::string word, stop_target target)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ensure(limit.rlim_max >= many && ::setrlimit(RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE");
    std::vector<int> open; // so many that a launch makes the reserve
    for (int i = 0; i < 40; ++i)
        open.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    cmd.output(execasio::stream::pipe);
    process p = co_await test::started(cmd, word, 3);
    stop_plan const plan = stop_plan().grace(20ms).target(target);
    std::optional<no_descriptors> none(many);
    stop_result const result = co_await execasio::stop(p, plan);
    none.reset();
    ensure(result.signal() == SIGKILL, "signal");
    ensure(result.left() == 0, "left");
    ensure(processes_with_word(word).empty(), "somebody is left");
}

void check_end(command const& cmd, std::string const& word, stop_target target)
{
    BOOST_TEST(failure_in_fork([&] {
                   run_in_fork([&] { return end_without_descriptors(cmd, word, target); });
               }) == "");
    test::kill_family(word);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(out_of_descriptors, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_group_ends)
{
    std::string const word = family_word();
    check_end(stubborn_group(word), word, stop_target::group);
}

BOOST_AUTO_TEST_CASE(a_tree_ends)
{
    std::string const word = family_word();
    check_end(stubborn_family(word), word, stop_target::tree);
}

BOOST_AUTO_TEST_CASE(a_cgroup_ends)
{
    if (execasio::writable_cgroup().empty()) {
        BOOST_TEST_MESSAGE("skipped: no cgroup of version 2 that may be written to");
        return;
    }
    std::string const word = family_word();
    check_end(stubborn_family(word).cgroup(execasio::cgroup()), word, stop_target::tree);
}

/// Nothing in reserve either: nobody is taken for gone because he cannot be looked at.
BOOST_AUTO_TEST_CASE(who_cannot_be_looked_at_is_not_gone)
{
    for (bool const tree : {false, true}) {
        std::string const word = family_word();
        auto const body = [&]() -> asio::awaitable<void> {
            command cmd = tree ? stubborn_family(word) : stubborn_group(word);
            cmd.track_tree(); // by which they are found, later than their root
            process p = co_await test::started(cmd, word, 3);
            auto const target = tree ? stop_target::tree : stop_target::group;
            std::optional<no_descriptors> none(no_room);
            asio::steady_timer later(co_await asio::this_coro::executor, 300ms);
            later.async_wait([&](auto) { none.reset(); });
            stop_plan const plan = stop_plan().grace(20ms).target(target);
            stop_result const result = co_await execasio::stop(p, plan);
            ensure(!none || !tree, "not looked for");
            none.reset();
            ensure(result.left() == 0, "left");
            ensure(processes_with_word(word).empty(), "somebody is left");
        };
        BOOST_TEST(failure_in_fork([&] { run_in_fork(body); }) == "");
        test::kill_family(word);
    }
}

/// As above, for one of whom the kernel does not tell who is in its group (before Linux 6.9).
BOOST_AUTO_TEST_CASE(so_it_is_for_an_adopted_process)
{
    BOOST_TEST(failure_in_fork([] {
                   test::nephew other(test::nephew::parent::reaps, true);
                   test::refuse_group_signals();
                   run_in_fork([&]() -> asio::awaitable<void> {
                       auto const ex = co_await asio::this_coro::executor;
                       process p = execasio::adopt(ex, other.pid());
                       std::optional<no_descriptors> none(no_room);
                       stop_plan const plan = stop_plan().grace(never).target(stop_target::group);
                       ensure(!execasio::request_stop(p, plan), "request_stop");
                       co_await test::until([&] { return ::kill(other.pid(), 0) != 0; });
                       none.reset();
                       try {
                           co_await execasio::stop(p, plan);
                       } catch (boost::system::system_error const& e) { // nor its status be read
                           ensure(e.code() == execasio::errc::status_lost, e.what());
                       }
                       other.ended();
                   });
               }) == "");
}

/// Its root was never seen, and its number is another's when there is room again.
BOOST_AUTO_TEST_CASE(who_has_the_number_of_a_root_is_not_taken_for_it)
{
    std::string const failure = failure_in_fork([] {
        asio::io_context context(1);
        test::nephew former(test::nephew::parent::reaps);
        process p = execasio::adopt(context.get_executor(), former.pid());
        {
            no_descriptors const none(no_room);
            stop_plan plan = stop_plan::kill().target(stop_target::tree);
            ensure(!execasio::request_stop(p, plan.signal(SIGHUP, 50ms)), "request_stop");
        }
        ::kill(former.pid(), SIGUSR1);
        while (::kill(former.pid(), 0) == 0) { // until it is reaped
        }
        former.ended();
        test::stranger const other(former.pid(), true);
        ensure(other.pid() == former.pid(), "skipped");
        context.run_for(test::scaled(20s));
        ensure(!test::has_ended(other.pid(), 100ms), "a stranger was signalled");
    });
    if (failure == "skipped")
        BOOST_TEST_MESSAGE("skipped: process ids cannot be chosen without CAP_SYS_ADMIN");
    else
        BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(members_of_a_group_that_cannot_be_looked_at_are_an_error)
{
    std::string const word = family_word();
    BOOST_TEST(failure_in_fork([&] {
                   run_in_fork([&]() -> asio::awaitable<void> {
                       process p = co_await test::started(stubborn_group(word), word, 3);
                       std::optional<no_descriptors> none(no_room);
                       for (bool const kill : {false, true}) {
                           try {
                               if (kill)
                                   execasio::kill_group_members(p.id());
                               else
                                   static_cast<void>(execasio::group_members(p.id()));
                               ensure(false, "no error");
                           } catch (boost::system::system_error const& e) {
                               ensure(e.code().value() == EMFILE, e.what());
                           }
                       }
                       none.reset();
                       ensure(execasio::group_members(p.id()).size() == 3, "members");
                       ensure(execasio::kill_group_members(p.id()) == 0, "left");
                       ensure(processes_with_word(word).empty(), "somebody is left");
                       co_await p.wait();
                   });
               }) == "");
    test::kill_family(word);
}

/// Whichever descriptor is the first that is not to be had.
BOOST_AUTO_TEST_CASE(a_guardian_that_cannot_be_started_is_not_left_behind)
{
    int failed = 0;
    std::string outcome;
    for (rlim_t most = no_room; outcome != "started"; ++most) {
        outcome = failure_in_fork([most] {
            ensure(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "PR_SET_CHILD_SUBREAPER");
            asio::io_context context(1);
            rlimit const limit{most, most};
            ensure(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
            try {
                execasio::guardian const g(context.get_executor());
                ensure(false, "started");
            } catch (boost::system::system_error const& e) {
                ensure(e.code().value() == EMFILE, e.what());
            }
            while (::waitpid(-1, nullptr, 0) > 0) { // for ever, if one lives
            }
        });
        BOOST_TEST((outcome.empty() || outcome == "started"), outcome);
        BOOST_REQUIRE(++failed < 64);
    }
    BOOST_TEST(failed > 5);
}

BOOST_AUTO_TEST_SUITE_END()
