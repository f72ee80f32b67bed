#include "support/conditions.hpp"
#include "support/family.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/manager.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/processes.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include "linux/cgroup.hpp"

#include <execasio/cgroup.hpp>
#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::cgroup;
using execasio::command;
using execasio::errc;
using execasio::exit_record;
using execasio::lifetime;
using execasio::process;
using execasio::spawn_error;
using execasio::stage;
using execasio::stop_mechanism;
using execasio::stop_plan;
using execasio::stop_result;
using execasio::stop_target;
using execasio::stream;
using test::ensure;
using test::family_word;
using test::has_ended;
using test::never;
using test::processes_with_word;
using test::puppet;
using test::run_coroutine;
using test::started_with_daemon;
using test::tree_plan;

namespace {

/// The cgroups that a program with that process id has made and not removed.
std::size_t cgroups_of(pid_t manager)
{
    std::string const start = "execasio-" + std::to_string(manager) + "-";
    std::size_t count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(execasio::writable_cgroup()))
        if (entry.path().filename().string().starts_with(start))
            ++count;
    return count;
}

std::string cgroup_of(pid_t pid)
{
    std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("0::"))
            return line.substr(3);
    return "";
}

bool unavailable()
{
    if (!execasio::writable_cgroup().empty())
        return false;
    BOOST_TEST_MESSAGE("skipped: this user may not make cgroups (version 2)");
    return true;
}

/// As the fixture of all suites, and no cgroup is left either.
class no_cgroups : public test::no_leaks {
public:
    void teardown()
    {
        if (!execasio::writable_cgroup().empty())
            BOOST_TEST(cgroups_of(::getpid()) == 0u);
        no_leaks::teardown();
    }
};

/// One that has a cgroup, with a descendant that has left its session and lost its parent, and a
/// child; none of them heeds SIGTERM.
command stubborn_family(std::string const& word)
{
    return puppet("ignore", "15", "daemon", "pause-forever", "join", "fork", "pause-forever",
                  "join", "pause-forever", word);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(cgroups, no_cgroups)

BOOST_AUTO_TEST_CASE(a_child_is_born_into_a_cgroup_that_goes_with_it)
{
    if (unavailable())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("await", "exit", "4");
        cmd.input(stream::pipe).cgroup(cgroup());
        process p = execasio::spawn(ex, cmd);
        BOOST_TEST(cgroup_of(p.id()).find("/execasio-" + std::to_string(::getpid()) + "-") !=
                   std::string::npos);
        BOOST_TEST(cgroups_of(::getpid()) == 1u);
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 4);
        BOOST_TEST(cgroups_of(::getpid()) == 0u);
    });
}

BOOST_AUTO_TEST_CASE(who_has_left_session_and_parent_does_not_escape)
{
    if (unavailable())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        command cmd = stubborn_family(word);
        cmd.cgroup(cgroup());
        process p = co_await started_with_daemon(cmd, word, 3);
        stop_result const result = co_await execasio::stop(p, tree_plan(20ms));
        BOOST_TEST(result.signal() == SIGKILL);
        BOOST_TEST((result.mechanism() == stop_mechanism::cgroup));
        BOOST_TEST(result.others() >= 2u);
        BOOST_TEST(processes_with_word(word).empty());
        BOOST_TEST(cgroups_of(::getpid()) == 0u);
    });
}

BOOST_AUTO_TEST_CASE(a_family_that_never_stands_still_is_killed_at_once)
{
    if (unavailable())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        for (int round = 0; round < 5; ++round) {
            auto const ex = co_await asio::this_coro::executor;
            std::string const word = family_word();
            command cmd =
                puppet("fork", "say", "away", "flee-sessions", "join", "pause-forever", word);
            cmd.output(stream::pipe).cgroup(cgroup());
            process p = execasio::spawn(ex, cmd);
            co_await p.output().read_line();
            co_await execasio::stop(p, stop_plan::kill().target(stop_target::tree));
            BOOST_TEST(processes_with_word(word).empty());
        }
    });
}

BOOST_AUTO_TEST_CASE(those_that_take_their_time_are_awaited)
{
    if (unavailable())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::string const word = family_word();
        command cmd =
            puppet("fork-session", "ignore", "15", "say", "ready", "await", "join", "pause", word);
        cmd.input(stream::pipe).output(stream::pipe).cgroup(cgroup());
        process p = execasio::spawn(ex, cmd);
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "ready");
        bool stopped = false;
        asio::co_spawn(ex, execasio::stop(p, tree_plan(never)),
                       [&](std::exception_ptr, stop_result const&) { stopped = true; });
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGTERM);
        BOOST_TEST(!stopped);
        BOOST_TEST(processes_with_word(word).size() == 1u);
        p.input().close();
        co_await test::until([&] { return stopped; });
        BOOST_TEST(processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_CASE(a_dropped_process_takes_its_cgroup_with_it)
{
    if (unavailable())
        return;
    for (bool const ended_before : {false, true}) {
        run_coroutine([ended_before]() -> asio::awaitable<void> {
            std::string const word = family_word();
            command cmd = stubborn_family(word);
            cmd.cgroup(cgroup());
            {
                process p = co_await started_with_daemon(cmd, word, 3);
                if (ended_before) {
                    p.signal(SIGKILL);
                    co_await p.wait();
                    BOOST_TEST(processes_with_word(word).size() == 2u);
                }
            }
            co_await test::until([&] { return processes_with_word(word).empty(); });
        }); // and the fixture finds no cgroup
    }
}

BOOST_AUTO_TEST_CASE(a_failed_launch_leaves_no_cgroup)
{
    if (unavailable())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd("/nowhere/program");
        cmd.cgroup(cgroup());
        try {
            process const p = execasio::spawn(ex, cmd);
            BOOST_ERROR("it was started");
        } catch (spawn_error const& e) {
            BOOST_TEST(e.where() == stage::exec);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_limit_without_its_controller_is_an_error_that_names_it)
{
    if (unavailable())
        return;
    asio::io_context context(1);
    std::ifstream file(execasio::writable_cgroup() + "/cgroup.controllers");
    std::string controllers;
    std::getline(file, controllers);
    command cmd = puppet("exit", "0");
    cmd.cgroup(cgroup().pids_max(100).optional());
    if (controllers.find("pids") != std::string::npos) {
        BOOST_TEST_MESSAGE("skipped: the controller is there");
        return;
    }
    try {
        process const p = execasio::spawn(context.get_executor(), cmd);
        BOOST_ERROR("it was started");
    } catch (spawn_error const& e) {
        BOOST_TEST(e.where() == stage::cgroup);
        BOOST_TEST(e.code() == errc::no_controller);
        BOOST_TEST(std::string(e.what()).find("pids") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_had_is_an_error_unless_it_is_optional)
{
    asio::io_context context(1);
    command cmd = puppet("exit", "5");
    cmd.cgroup(cgroup().parent("/proc/self/nothing"));
    try {
        process const p = execasio::spawn(context.get_executor(), cmd);
        BOOST_ERROR("it was started");
    } catch (spawn_error const& e) {
        BOOST_TEST(e.where() == stage::cgroup);
    }
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command other = puppet("exit", "5");
        other.cgroup(cgroup().parent("/proc/self/nothing").optional());
        process p = execasio::spawn(ex, other);
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 5);
    });
}

BOOST_AUTO_TEST_CASE(where_clone3_is_refused_an_optional_cgroup_is_left_out)
{
    if (unavailable())
        return;
    BOOST_TEST(test::failure_in_fork([] {
                   test::refuse_system_calls({SYS_clone3}, ENOSYS);
                   asio::io_context context(1);
                   command cmd = puppet("pause-forever");
                   cmd.cgroup(cgroup());
                   try {
                       process const p = execasio::spawn(context.get_executor(), cmd);
                       ensure(false, "it was started");
                   } catch (spawn_error const& e) {
                       ensure(e.where() == stage::cgroup, e.what());
                   }
                   cmd.cgroup(cgroup().optional());
                   process p = execasio::spawn(context.get_executor(), cmd);
                   ensure(cgroup_of(p.id()).find("execasio") == std::string::npos, "in a cgroup");
                   p = process();
                   context.run();
                   ensure(cgroups_of(::getpid()) == 0, "a cgroup is left");
               }) == "");
}

BOOST_AUTO_TEST_CASE(the_guardian_of_a_killed_manager_ends_and_removes_cgroups)
{
    if (unavailable())
        return;
    std::string const word = family_word();
    test::manager m([&](test::manager::reporter say) {
        asio::io_context context(1);
        execasio::guardian const g(context.get_executor());
        command cmd = stubborn_family(word);
        cmd.cgroup(cgroup());
        process p = execasio::spawn(context.get_executor(), cmd);
        // One whose leader has gone.
        command other = puppet("daemon", "pause-forever", "join", "exit", "0", word);
        other.cgroup(cgroup());
        process q = execasio::spawn(context.get_executor(), other);
        while (q.poll() || processes_with_word(word).size() != 4)
            std::this_thread::yield();
        say.tell_and_wait(g.id());
    });
    pid_t const guardian = m.guardian();
    pid_t const manager = m.id();
    BOOST_TEST(cgroups_of(manager) == 2u);
    m.kill();
    BOOST_TEST(has_ended(guardian, 10s));
    BOOST_TEST(processes_with_word(word).empty());
    BOOST_TEST(cgroups_of(manager) == 0u);
}

/// Its events are read again and again, from the start of the file.
BOOST_AUTO_TEST_CASE(it_is_seen_to_become_empty)
{
    if (unavailable())
        return;
    execasio::sys::cgroup_directory directory{cgroup()};
    execasio::sys::cgroup_set members(directory);
    BOOST_TEST(members.surely_empty());
    pid_t const member = ::fork();
    if (member == 0) {
        std::ofstream(directory.path() + "/cgroup.procs") << ::getpid();
        for (;;)
            ::pause();
    }
    while (members.surely_empty())
        std::this_thread::yield();
    ::kill(member, SIGKILL);
    ::waitpid(member, nullptr, 0);
    auto const end = std::chrono::steady_clock::now() + test::scaled(10s);
    while (!members.surely_empty() && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    BOOST_TEST(members.surely_empty());
    BOOST_TEST(directory.remove());
}

/// The program may drop its children, and their event loop, at once; who is left is removed later.
BOOST_AUTO_TEST_CASE(a_context_that_goes_at_once_leaves_no_cgroup)
{
    if (unavailable())
        return;
    std::string const word = family_word();
    BOOST_TEST(test::failure_in_fork([&word] {
                   {
                       asio::io_context context(1);
                       command cmd = stubborn_family(word);
                       cmd.cgroup(cgroup());
                       process const p = execasio::spawn(context.get_executor(), cmd);
                       test::await_family(word, 3);
                   }
                   while (cgroups_of(::getpid()) != 0) // as at the exit, and at the next launch
                       execasio::sys::remove_orphaned_cgroups();
               }) == "");
    BOOST_TEST(processes_with_word(word).empty());
}

BOOST_AUTO_TEST_CASE(stopped_members_are_continued)
{
    if (unavailable())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = family_word();
        command cmd = puppet("fork", "pause-forever", "join", "pause-forever", word);
        cmd.cgroup(cgroup());
        process p = co_await test::started(cmd, word, 2);
        for (pid_t const pid : processes_with_word(word)) {
            ::kill(pid, SIGSTOP);
            co_await test::until([&] { return test::is_in_state(pid, 'T'); });
        }
        stop_result const result = co_await execasio::stop(p, tree_plan(std::chrono::hours(1)));
        BOOST_TEST(result.signal() == SIGTERM);
        BOOST_TEST(processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_SUITE_END()
