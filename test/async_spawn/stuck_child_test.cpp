#include "support/conditions.hpp"
#include "support/held_program.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/started_launch.hpp"

#include <execasio/initializers.hpp>
#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <exception>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::async_spawn;
using execasio::command;
using execasio::credentials;
using execasio::error_code;
using execasio::process;
using execasio::stage;
using test::held_program;
using test::may_change_identity;
using test::outcome;
using test::outcome_of;
using test::puppet;
using test::run_coroutine;
using test::started_launch;

namespace {

/// The newborn that has got as far as its exec, and is stuck there; 0 if there is none yet. It
/// bears this program's name until it executes another, and sleeps nowhere else on its way.
pid_t stuck_child()
{
    std::ifstream list("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    for (pid_t pid; list >> pid;) {
        if (test::is_in_state(pid, 'S') &&
            test::status_of(pid, "Name") == test::status_of(::getpid(), "Name"))
            return pid;
    }
    return 0;
}

/// In the child: stops it before exec, as its user could.
struct stops_itself {
    error_code on_exec_setup(boost::process::v2::posix::default_launcher&,
                             boost::process::v2::filesystem::path const&,
                             char const* const*) const noexcept
    {
        ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGSTOP);
        return {};
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(async_spawn_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_child_that_gets_stuck_is_killed_at_the_deadline)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    run_coroutine([&]() -> asio::awaitable<void> {
        outcome result;
        // Until it is given the processor for long enough to get there.
        for (auto deadline = 200ms; result.where != stage::exec && deadline < 10s; deadline *= 2) {
            command cmd(program.path(), "say", "x");
            cmd.credentials(test::own_identity()).spawn_deadline(deadline);
            result = co_await outcome_of(cmd);
            BOOST_TEST(result.why == boost::system::errc::timed_out);
            BOOST_TEST((result.time >= deadline));
        }
        BOOST_TEST(result.where == stage::exec);
    });
}

BOOST_AUTO_TEST_CASE(the_plain_call_waits_no_longer_than_the_deadline)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    stage where = stage::none;
    // Until it is given the processor for long enough to get there.
    for (auto deadline = 200ms; where != stage::exec && deadline < 10s; deadline *= 2) {
        command cmd(program.path(), "say", "x");
        cmd.credentials(test::own_identity()).spawn_deadline(deadline);
        auto const failure = test::failure_of_launch(cmd);
        where = failure.where;
        BOOST_TEST(failure.why == boost::system::errc::timed_out);
    }
    BOOST_TEST(where == stage::exec);
}

BOOST_AUTO_TEST_CASE(a_child_that_is_stopped_before_exec_is_killed_at_the_deadline)
{
    asio::io_context context;
    stops_itself const stop;
    stage where = stage::none;
    // Until it is given the processor for long enough to get there.
    for (auto deadline = 200ms; where != stage::initializer && deadline < 10s; deadline *= 2) {
        command cmd = puppet("say", "x");
        cmd.credentials(test::own_identity()).spawn_deadline(deadline);
        try {
            process const p = execasio::spawn(context.get_executor(), cmd, stop);
            BOOST_ERROR("the spawn succeeded");
        } catch (execasio::spawn_error const& e) {
            where = e.where();
            BOOST_TEST(e.code() == boost::system::errc::timed_out);
            BOOST_TEST(e.pid() > 0);
        }
        BOOST_TEST(!test::has_children());
    }
    BOOST_TEST(where == stage::initializer);
}

BOOST_AUTO_TEST_CASE(the_new_user_can_stop_the_child_but_not_the_caller)
{
    if (!may_change_identity())
        return;
    bool stopped_in_time = false;
    // Until all are given the processor for long enough to get there.
    for (auto deadline = 1s; !stopped_in_time && deadline < 10s; deadline *= 2) {
        held_program const program("/bin/true");
        if (!program.held())
            return;
        run_coroutine([&]() -> asio::awaitable<void> {
            auto const ex = co_await asio::this_coro::executor;
            command cmd(program.path());
            cmd.credentials(credentials::user("nobody")).spawn_deadline(test::scaled(deadline));
            started_launch launch;
            launch.start(ex, cmd);
            auto const is_over = [&] { return launch.child.has_value(); };
            pid_t child = 0;
            co_await test::until([&] { return is_over() || (child = stuck_child()) != 0; });
            if (!is_over()) {
                BOOST_TEST(test::status_of(child, "Uid").starts_with("65534"));
                // While the launch is under way, this program is free to launch others.
                command stop = command::shell("kill -STOP " + std::to_string(child));
                stop.credentials(credentials::user("nobody"));
                execasio::run_result const stopped = co_await execasio::run(stop);
                co_await test::until([&] { return is_over() || test::is_in_state(child, 'T'); });
                stopped_in_time = !is_over();
                BOOST_TEST((!stopped_in_time || stopped.how.success()));
                program.release(); // nothing but the signal holds it now
            }
            co_await test::until(is_over);
            outcome const result = launch.result();
            BOOST_TEST(result.why == boost::system::errc::timed_out);
            if (stopped_in_time) {
                BOOST_TEST(result.where == stage::exec);
                BOOST_TEST(test::has_ended(child)); // though it was stopped
            }
            BOOST_TEST(!test::has_children());
        });
    }
    BOOST_TEST(stopped_in_time);
}

BOOST_AUTO_TEST_CASE(cancelling_kills_the_child_being_born)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                                asio::cancellation_type::total}) {
            started_launch launch;
            launch.start(ex, command(program.path()).credentials(test::own_identity()));
            co_await test::until([] { return stuck_child() != 0; });
            launch.cancel.emit(type);
            launch.cancel.emit(type); // once more changes nothing
            co_await test::until([&] { return launch.child.has_value(); });
            BOOST_TEST(launch.result().where == stage::exec);
            BOOST_TEST(launch.result().why == asio::error::operation_aborted);
            BOOST_TEST(!test::has_children());
        }
    });
}

BOOST_AUTO_TEST_CASE(a_launch_goes_on_where_it_was_started_whoever_is_told_elsewhere)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        asio::io_context elsewhere;
        asio::cancellation_signal cancel;
        bool told = false;
        auto const note = [&told](std::exception_ptr e, process const&) { told = e != nullptr; };
        auto const slot = asio::bind_cancellation_slot(cancel.slot(), note);
        async_spawn(ex, command(program.path()).credentials(test::own_identity()),
                    asio::bind_executor(elsewhere, slot));
        co_await test::until([] { return stuck_child() != 0; });
        cancel.emit(asio::cancellation_type::total);
        co_await test::until([] { return !test::has_children(); });
        BOOST_TEST(!told);
        // Has work to wait for until then.
        co_await test::until([&] { return elsewhere.poll() != 0 || elsewhere.stopped(); });
        BOOST_TEST(told);
    });
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_takes_the_child_being_born_along)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    started_launch launch;
    {
        asio::io_context context;
        launch.start(context.get_executor(),
                     command(program.path()).credentials(test::own_identity()));
        auto const end = std::chrono::steady_clock::now() + test::scaled(10s);
        bool stuck = false;
        while (!stuck && std::chrono::steady_clock::now() < end) {
            context.poll();
            stuck = stuck_child() != 0;
        }
        BOOST_TEST(stuck);
    }
    BOOST_TEST(!launch.child.has_value());
    // Killed at once; one that needs the processor for a while to end is reaped by a later launch.
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        co_await test::until([&] {
            process p = execasio::spawn(ex, puppet());
            test::has_ended(p.id(), 10s);
            p.poll();
            return !test::has_children();
        });
    });
}

BOOST_AUTO_TEST_CASE(a_child_being_born_holds_no_other_childs_pipe)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        test::pipe_ends other;
        started_launch launch;
        launch.start(ex, command(program.path(), "exit", "0").credentials(test::own_identity()));
        co_await test::until([] { return stuck_child() != 0; });
        other.close_writer();
        char byte;
        ::fcntl(other.reader(), F_SETFL, O_NONBLOCK);
        BOOST_TEST(::read(other.reader(), &byte, 1) == 0); // its end, and not EAGAIN
        program.release();
        co_await test::until([&] { return launch.child.has_value(); });
        BOOST_TEST((launch.failure == nullptr));
        co_await launch.child->wait();
    });
}

BOOST_AUTO_TEST_CASE(nobody_may_look_into_the_copy_of_the_memory)
{
    held_program const program(test::puppet_path());
    if (!program.held())
        return;
    if (::geteuid() == 0) {
        BOOST_TEST_MESSAGE("skipped: only shows for an ordinary user");
        return;
    }
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        started_launch launch;
        launch.start(ex, command(program.path(), "exit", "0").credentials(test::own_identity()));
        pid_t child = 0;
        co_await test::until([&] { return (child = stuck_child()) != 0; });
        struct stat owner {};
        BOOST_TEST(::stat(("/proc/" + std::to_string(child) + "/mem").c_str(), &owner) == 0);
        BOOST_TEST(owner.st_uid == 0U); // whose memory nobody else may read
        program.release();
        co_await test::until([&] { return launch.child.has_value(); });
        co_await launch.child->wait();
    });
}

BOOST_AUTO_TEST_SUITE_END()
