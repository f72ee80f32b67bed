#include "support/conditions.hpp"
#include "support/family.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/processes.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/run_in_fork.hpp"
#include "support/stranger.hpp"

#include <execasio/exit_engine.hpp>
#include <execasio/group.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/supervisor.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::exit_record;
using execasio::process;
using execasio::process_group;
using execasio::stop_mechanism;
using execasio::stop_plan;
using execasio::stop_result;
using execasio::stop_target;
using execasio::stream;
using test::ensure;
using test::has_ended;
using test::never;
using test::puppet;
using test::run_coroutine;

namespace {

stop_plan group_plan(stop_plan::duration grace)
{
    return stop_plan().grace(grace).target(stop_target::group);
}

/// Spawns a leader that says so, with a member that says who it is. Both are ready then.
asio::awaitable<process> leader_and_member(pid_t& member, command cmd)
{
    auto const ex = co_await asio::this_coro::executor;
    cmd.output(stream::pipe).group(process_group::create());
    process p = execasio::spawn(ex, cmd);
    member = 0;
    for (int line = 0; line < 2; ++line) {
        auto const text = co_await p.output().read_line();
        ensure(text.has_value(), "the puppet does not answer");
        if (*text != "leader")
            member = static_cast<pid_t>(std::stol(*text));
    }
    co_return p;
}

command with_stubborn_member()
{
    return puppet("fork", "ignore", "15", "ids", "pause-forever", "join", "leave", "15", "7", "say",
                  "leader", "pause-forever");
}

/// The core of several cases: a stop does not end before the stubborn member is killed.
asio::awaitable<void> stubborn_member_is_killed()
{
    stop_result result;
    // Until the leader is given the processor soon enough, and the member is seen to outlive it.
    for (auto grace = 30ms; (result.code() != 7 || result.others() != 1) && grace < 5s;
         grace *= 3) {
        pid_t member = 0;
        process p = co_await leader_and_member(member, with_stubborn_member());
        auto const before = std::chrono::steady_clock::now();
        result = co_await execasio::stop(p, group_plan(grace));
        ensure(std::chrono::steady_clock::now() - before >= grace, "the grace was not awaited");
        ensure(has_ended(member), "the member lives");
    }
    ensure(result.code() == 7, "the leader's own answer: " + describe(result));
    ensure(result.others() == 1, "one other");
    ensure(result.left() == 0, "none left");
    ensure(result.mechanism() == stop_mechanism::group, "by its group");
}

void check_unless_skipped(std::string const& failure)
{
    if (failure == "skipped")
        BOOST_TEST_MESSAGE("skipped: process ids cannot be chosen without CAP_SYS_ADMIN");
    else
        BOOST_TEST(failure == "");
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(groups, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_member_that_ignores_the_signal_is_killed_after_the_grace)
{
    run_coroutine([]() -> asio::awaitable<void> { co_await stubborn_member_is_killed(); });
}

BOOST_AUTO_TEST_CASE(so_it_is_where_a_group_cannot_be_signalled_by_pidfd)
{
    BOOST_TEST(test::failure_in_fork([] {
                   test::refuse_group_signals();
                   test::run_in_fork(
                       []() -> asio::awaitable<void> { co_await stubborn_member_is_killed(); });
               }) == "");
}

BOOST_AUTO_TEST_CASE(so_it_is_where_there_are_no_pidfds)
{
#ifdef __SANITIZE_THREAD__
    BOOST_TEST_MESSAGE("skipped: ThreadSanitizer does not bear the older call"); // as in launcher/
    return;
#endif
    BOOST_TEST(test::failure_in_fork([] {
                   test::refuse_system_calls({SYS_clone3, SYS_pidfd_open, SYS_pidfd_send_signal},
                                             ENOSYS, true);
                   test::run_in_fork(
                       []() -> asio::awaitable<void> { co_await stubborn_member_is_killed(); });
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_member_that_takes_its_time_is_awaited)
{
    run_coroutine([]() -> asio::awaitable<void> {
        pid_t member = 0;
        command cmd = puppet("fork", "ignore", "15", "ids", "await", "join", "say", "leader",
                             "pause-forever");
        cmd.input(stream::pipe);
        process p = co_await leader_and_member(member, cmd);
        auto const ex = co_await asio::this_coro::executor;
        bool stopped = false;
        asio::co_spawn(ex, execasio::stop(p, group_plan(never)),
                       [&](std::exception_ptr, stop_result const& result) {
                           stopped = true;
                           BOOST_TEST(result.others() == 1u);
                           BOOST_TEST(result.stop_stage().value() == 0u);
                       });
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGTERM);
        auto const cpu_before = test::own_cpu_time();
        asio::steady_timer some_time(ex, 200ms); // in which nothing may happen
        co_await some_time.async_wait(asio::use_awaitable);
        BOOST_TEST(!stopped);
        BOOST_TEST(!has_ended(member));
        BOOST_TEST((test::own_cpu_time() - cpu_before < test::scaled(50ms)));
        p.input().close(); // the member goes
        co_await test::until([&] { return stopped; });
        BOOST_TEST(has_ended(member));
    });
}

BOOST_AUTO_TEST_CASE(stages_go_on_for_those_that_are_left)
{
    run_coroutine([]() -> asio::awaitable<void> {
        pid_t member = 0;
        // What is blocked and awaited is not lost, should it not get the processor for a while.
        process p = co_await leader_and_member(member, puppet("fork", "ignore", "15", "block", "1",
                                                              "block", "10", "ids", "await-signal",
                                                              "1", "await-signal", "10", "join",
                                                              "say", "leader", "pause-forever"));
        stop_plan plan = group_plan(10ms);
        plan.signal(SIGHUP, 10ms).signal(SIGUSR1, never);
        stop_result const result = co_await execasio::stop(p, plan);
        BOOST_TEST(result.signal() == SIGTERM);
        BOOST_TEST(result.stop_stage().value() == 2u);
        BOOST_TEST(has_ended(member));
        BOOST_TEST(co_await p.output().read_all() == "sig1\nsig10\n");
    });
}

BOOST_AUTO_TEST_CASE(a_family_that_never_stands_still_does_not_escape)
{
    run_coroutine([]() -> asio::awaitable<void> {
        for (int round = 0; round < 10; ++round) {
            pid_t member = 0;
            std::string const word = test::family_word();
            process p = co_await leader_and_member(member, puppet("fork", "ignore", "15", "ids",
                                                                  "flee", "join", "say", "leader",
                                                                  "pause-forever", word));
            BOOST_TEST(test::processes_with_word(word).size() >= 1u);
            stop_result const result = co_await execasio::stop(p, group_plan(1ms));
            BOOST_TEST(result.left() == 0u);
            BOOST_TEST(test::processes_with_word(word).empty());
        }
    });
}

BOOST_AUTO_TEST_CASE(a_plan_for_the_process_leaves_its_group_alone)
{
    run_coroutine([]() -> asio::awaitable<void> {
        pid_t member = 0;
        process p = co_await leader_and_member(member, with_stubborn_member());
        stop_result const result = co_await execasio::stop(p);
        BOOST_TEST((result.mechanism() == stop_mechanism::process));
        BOOST_TEST(!has_ended(member));
        ::kill(member, SIGKILL);
        BOOST_TEST(has_ended(member, 10s));
    });
}

BOOST_AUTO_TEST_CASE(what_an_ended_process_left_behind_can_be_stopped_later)
{
    if (execasio::current_exit_engine() == execasio::exit_engine::sigchld) {
        BOOST_TEST_MESSAGE("skipped: without a pidfd nothing tells whose group it is");
        return;
    }
    run_coroutine([]() -> asio::awaitable<void> {
        pid_t member = 0;
        process p = co_await leader_and_member(member, with_stubborn_member());
        p.signal(SIGTERM);
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 7);
        BOOST_TEST(!has_ended(member));
        stop_result const result = co_await execasio::stop(p, group_plan(10ms));
        BOOST_TEST(result.code() == 7);
        BOOST_TEST((result.cause() == end_cause::itself));
        BOOST_TEST(result.others() == 1u);
        BOOST_TEST(has_ended(member));
        stop_result const again = co_await execasio::stop(p, group_plan(never));
        BOOST_TEST(again.code() == 7);
    });
}

BOOST_AUTO_TEST_CASE(what_a_child_leaves_behind_is_stopped_at_its_exit)
{
    run_coroutine([]() -> asio::awaitable<void> {
        stop_result result;
        // Until the member is seen to outlive it.
        for (auto grace = 30ms; result.others() != 1 && grace < 5s; grace *= 3) {
            pid_t member = 0;
            command cmd = with_stubborn_member();
            cmd.at_exit(group_plan(grace));
            process p = co_await leader_and_member(member, cmd);
            p.signal(SIGTERM);
            exit_record const how = co_await p.wait();
            BOOST_TEST(how.code() == 7);
            BOOST_TEST((how.cause() == end_cause::itself));
            BOOST_TEST(!has_ended(member)); // told at once, not when all are gone
            result = co_await execasio::stop(p, group_plan(never));
            BOOST_TEST(has_ended(member));
        }
        BOOST_TEST(result.others() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(it_is_stopped_though_nobody_has_the_process_any_more)
{
    run_coroutine([]() -> asio::awaitable<void> {
        pid_t member = 0;
        command cmd = with_stubborn_member();
        cmd.at_exit(stop_plan::kill().target(stop_target::group));
        {
            process p = co_await leader_and_member(member, cmd);
            p.signal(SIGTERM);
            co_await p.wait();
        }
        co_await test::until([&] { return has_ended(member); });
    });
}

BOOST_AUTO_TEST_CASE(where_nobody_is_left_nothing_is_awaited)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("exit", "3");
        cmd.group(process_group::create()).at_exit(group_plan(never));
        process p = execasio::spawn(ex, cmd);
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 3);
    }); // and the context runs dry
}

BOOST_AUTO_TEST_CASE(a_stop_under_way_and_a_plan_for_the_exit_do_not_signal_twice)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::optional<std::string> first;
        // Until the member is given the processor soon enough.
        for (auto grace = 10ms; !first && grace < 5s; grace *= 3) {
            pid_t member = 0;
            command cmd = puppet("fork", "report", "15", "ids", "pause-forever", "join", "leave",
                                 "15", "7", "say", "leader", "pause-forever");
            cmd.at_exit(group_plan(grace));
            process p = co_await leader_and_member(member, cmd);
            co_await execasio::stop(p, group_plan(grace));
            BOOST_TEST(has_ended(member));
            first = co_await p.output().read_line();
            auto const second = co_await p.output().read_line();
            BOOST_TEST(!second);
        }
        BOOST_TEST(first.value() == "sig15");
    });
}

BOOST_AUTO_TEST_CASE(a_shutdown_awaits_what_its_processes_left_behind)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        execasio::supervisor all(ex);
        pid_t member = 0;
        command cmd = with_stubborn_member();
        cmd.at_exit(group_plan(20ms));
        process p = co_await leader_and_member(member, cmd);
        process& added = all.add(std::move(p));
        added.signal(SIGTERM);
        co_await test::until([&] { return all.size() == 0; });
        std::size_t const left = co_await all.shutdown(10s);
        BOOST_TEST(left == 0u);
        BOOST_TEST(has_ended(member));
    });
}

BOOST_AUTO_TEST_CASE(a_shutdown_out_of_time_kills_what_is_left_behind)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        execasio::supervisor all(ex);
        pid_t member = 0;
        process p = co_await leader_and_member(member, with_stubborn_member());
        all.add(std::move(p), group_plan(never));
        std::size_t const left = co_await all.shutdown(30ms);
        BOOST_TEST(left == 0u);
        BOOST_TEST(has_ended(member));
    });
}

BOOST_AUTO_TEST_CASE(a_stranger_with_the_number_of_a_group_that_is_gone_is_spared)
{
    for (bool const old_kernel : {false, true}) {
        std::string const failure = test::failure_in_fork([old_kernel] {
            if (old_kernel)
                test::refuse_group_signals();
            test::run_in_fork([]() -> asio::awaitable<void> {
                auto const ex = co_await asio::this_coro::executor;
                command cmd = puppet("exit", "0");
                cmd.group(process_group::create());
                process p = execasio::spawn(ex, cmd);
                co_await p.wait();
                test::stranger const other(p.id());
                ensure(other.pid() == p.id(), "skipped");
                co_await test::until([&] { return ::getpgid(other.pid()) == other.pid(); });
                stop_result const result =
                    co_await execasio::stop(p, stop_plan::kill().target(stop_target::group));
                ensure(!has_ended(other.pid()) && result.others() == 0, "a stranger was signalled");
            });
        });
        check_unless_skipped(failure);
    }
}

BOOST_AUTO_TEST_CASE(so_it_is_when_other_code_has_reaped_the_child)
{
    check_unless_skipped(test::failure_in_fork([] {
        test::run_in_fork([]() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            command cmd = puppet("exit", "0");
            cmd.group(process_group::create());
            cmd.at_exit(stop_plan::kill().target(stop_target::group));
            process p = execasio::spawn(ex, cmd);
            ensure(::waitpid(p.id(), nullptr, 0) == p.id(), "waitpid");
            test::stranger const other(p.id(), true);
            ensure(other.pid() == p.id(), "skipped");
            co_await test::until([&] { return ::getpgid(other.pid()) == other.pid(); });
            co_await test::until([&] { return !p.poll(); });
            ensure(!has_ended(other.pid(), 100ms), "a stranger was signalled");
        });
    }));
}

BOOST_AUTO_TEST_CASE(who_is_spared_of_a_group_lives_on_with_what_it_starts)
{
    std::string const word = test::family_word();
    std::string const spared = test::family_word();
    std::string const failure = test::failure_in_fork([&] {
        ensure(::setpgid(0, 0) == 0, "a group of its own");
        asio::io_context context(1);
        auto const ex = context.get_executor();
        command cmd = puppet("await", "fork", "pause-forever", "join", "pause-forever", spared);
        process p =
            execasio::spawn(ex, cmd.input(stream::pipe).on_destroy(execasio::lifetime::survive));
        command other = test::pair_of(word);
        process q = execasio::spawn(ex, other);
        p.input().close();
        test::await_family(spared, 2);
        test::await_family(word, 2);
        ensure(execasio::kill_group_members(::getpid(), {::getpid(), p.id()}) == 0, "not killed");
        ensure(test::processes_with_word(word).empty(), "others live on");
    });
    BOOST_TEST(failure == "");
    BOOST_TEST(test::processes_with_word(spared).size() == 2u);
    test::kill_family(spared);
}

BOOST_AUTO_TEST_SUITE_END()
