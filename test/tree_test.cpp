#include "support/conditions.hpp"
#include "support/family.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/processes.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/subreaper.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::exit_record;
using execasio::process;
using execasio::process_group;
using execasio::stop_mechanism;
using execasio::stop_plan;
using execasio::stop_result;
using execasio::stop_target;
using execasio::stream;
using test::ensure;
using test::family_word;
using test::has_ended;
using test::processes_with_word;
using test::puppet;
using test::run_coroutine;
using test::started;
using test::started_with_daemon;
using test::tree_plan;

namespace {

/// A child in a session of its own, and another in the same group.
command wide_family(std::string const& word)
{
    return puppet("fork-session", "pause-forever", "join", "fork", "pause-forever", "join",
                  "pause-forever", word);
}

/// The usual daemon: its parent is gone, its session is its own.
command with_daemon(std::string const& word)
{
    return puppet("daemon", "pause-forever", "join", "pause-forever", word);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(trees, test::no_leaks)

BOOST_AUTO_TEST_CASE(descendants_in_other_sessions_are_reached)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        command cmd = puppet("ignore", "15", "fork-session", "fork", "pause-forever", "join",
                             "pause-forever", word);
        process p = co_await started(cmd, word, 3);
        stop_result const result = co_await execasio::stop(p, tree_plan(20ms));
        BOOST_TEST(result.signal() == SIGKILL);
        BOOST_TEST(result.stop_stage().value() == 1u);
        BOOST_TEST((result.mechanism() == stop_mechanism::process_walk));
        BOOST_TEST(result.others() == 2u);
        BOOST_TEST(processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_CASE(a_polite_signal_is_for_all)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        process p = co_await started(wide_family(word), word, 3);
        stop_result const result = co_await execasio::stop(p, tree_plan(std::chrono::hours(1)));
        BOOST_TEST(result.signal() == SIGTERM);
        BOOST_TEST(result.stop_stage().value() == 0u);
        BOOST_TEST(processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_CASE(a_daemon_with_the_mark_is_found)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        command cmd = with_daemon(word);
        cmd.track_tree();
        process p = co_await started_with_daemon(cmd, word, 2);
        stop_result const result = co_await execasio::stop(p, tree_plan(20ms));
        BOOST_TEST(result.others() == 1u);
        BOOST_TEST(processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_CASE(the_mark_is_found_behind_a_large_environment)
{
    char const* const names[] = {"LARGE_1", "LARGE_2", "LARGE_3"};
    for (char const* const name : names)
        ::setenv(name, std::string(100'000, 'x').c_str(), 1);
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        command cmd = with_daemon(word);
        cmd.track_tree();
        process p = co_await started_with_daemon(cmd, word, 2);
        co_await execasio::stop(p, stop_plan::kill().target(stop_target::tree));
        BOOST_TEST(processes_with_word(word).empty());
    });
    for (char const* const name : names)
        ::unsetenv(name);
}

/// Members that are stopped could not act on a signal.
BOOST_AUTO_TEST_CASE(stopped_members_are_continued)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        command cmd = wide_family(word);
        process p = co_await started(cmd, word, 3);
        for (pid_t const pid : processes_with_word(word)) {
            ::kill(pid, SIGSTOP);
            co_await test::until([&] { return test::is_in_state(pid, 'T'); });
        }
        stop_result const result = co_await execasio::stop(p, tree_plan(std::chrono::hours(1)));
        BOOST_TEST(result.signal() == SIGTERM);
        BOOST_TEST(processes_with_word(word).empty());
    });
}

/// A session without its leader is known by the leader that was, as long as one look has seen both.
BOOST_AUTO_TEST_CASE(who_was_led_by_a_member_that_has_gone_belongs_to_the_tree)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        stop_result result;
        // Until it is given the processor soon enough to leave.
        for (auto grace = 200ms; grace < 10s && (!result.known() || result.code() != 0);
             grace *= 2) {
            std::string const word = family_word();
            // The process and a leader of a session, which leave at SIGTERM; the leader's child
            // does not.
            command cmd =
                puppet("ignore", "15", "fork-session", "fork", "say", "ready", "pause-forever",
                       "join", "leave", "15", "0", "say", "ready", "pause-forever", word);
            cmd.output(stream::pipe);
            process p = execasio::spawn(ex, cmd);
            for (int members = 0; members < 3; ++members)
                co_await p.output().read_line();
            co_await test::until([&] { return processes_with_word(word).size() == 3; });
            result = co_await execasio::stop(p, tree_plan(grace));
            BOOST_TEST(result.others() == 2u);
            BOOST_TEST(processes_with_word(word).empty());
        }
        BOOST_TEST(result.code() == 0);
        BOOST_TEST(result.stop_stage().value() == 1u); // that of the others
    });
}

BOOST_AUTO_TEST_CASE(strangers_are_spared)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        std::string const other_word = family_word();
        command cmd = with_daemon(word);
        cmd.track_tree();
        command other = with_daemon(other_word);
        other.track_tree();
        process p = co_await started_with_daemon(cmd, word, 2);
        process q = co_await started_with_daemon(other, other_word, 2);
        co_await execasio::stop(p, stop_plan::kill().target(stop_target::tree));
        BOOST_TEST(processes_with_word(word).empty());
        BOOST_TEST(processes_with_word(other_word).size() == 2u);
        co_await execasio::stop(q, stop_plan::kill().target(stop_target::tree));
        BOOST_TEST(processes_with_word(other_word).empty());
    });
}

BOOST_AUTO_TEST_CASE(what_a_tree_s_root_leaves_behind_is_stopped_at_its_exit)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::string const word = family_word();
        command cmd = puppet("fork-session", "pause-forever", "join", "fork", "pause-forever",
                             "join", "await", "exit", "0", word);
        cmd.track_tree().input(stream::pipe).at_exit(tree_plan(20ms));
        process p = co_await started(cmd, word, 3);
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 0);
        stop_result const result = co_await execasio::stop(p);
        BOOST_TEST(result.others() == 2u);
        BOOST_TEST(processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_CASE(a_subreaper_buries_the_members_of_its_trees_and_nobody_else)
{
    BOOST_TEST(test::failure_in_fork([] {
                   ensure(!execasio::become_subreaper(), "subreaper");
                   asio::io_context context(1);
                   bool finished = false;
                   std::exception_ptr failure;
                   pid_t const others = ::fork(); // a child of other code's
                   if (others == 0)
                       std::_Exit(6);
                   asio::co_spawn(
                       context,
                       []() -> asio::awaitable<void> {
                           std::string const word = family_word();
                           command cmd = with_daemon(word);
                           cmd.track_tree();
                           process p = co_await started(cmd, word, 2);
                           co_await execasio::stop(p, tree_plan(1s));
                           ensure(processes_with_word(word).empty(), "the daemon lives");
                       },
                       [&](std::exception_ptr e) {
                           failure = e;
                           finished = true;
                       });
                   context.run();
                   if (failure)
                       std::rethrow_exception(failure);
                   ensure(finished, "not finished");
                   int status = 0;
                   ensure(::waitpid(others, &status, 0) == others && WEXITSTATUS(status) == 6,
                          "the other child was stolen");
                   ensure(::waitpid(-1, &status, WNOHANG) == -1,
                          "a member of the tree is left, a zombie");
               }) == "");
}

BOOST_AUTO_TEST_SUITE_END()
