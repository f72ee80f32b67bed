#include "support/conditions.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/started_launch.hpp"

#include <execasio/initializers.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::async_spawn;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::process;
using execasio::stage;
using execasio::stream;
using test::outcome;
using test::outcome_of;
using test::puppet;
using test::run_coroutine;
using test::started_launch;

namespace {

/// In the child: leaves a process that has all of its descriptors, until the child dies.
struct leaves_a_fork {
    error_code on_exec_setup(boost::process::v2::posix::default_launcher&,
                             boost::process::v2::filesystem::path const&,
                             char const* const*) const noexcept
    {
        long const child = ::syscall(SYS_getpid);
        long const pid = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0) {
            ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
            while (::syscall(SYS_getppid) == child)
                ::syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
            ::syscall(SYS_exit_group, 0);
        }
        return {pid < 0 ? EAGAIN : 0, boost::system::system_category()};
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(async_spawn_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_launch_is_awaited)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const changes : {false, true}) {
            command cmd = puppet("say", "here", "cat");
            cmd.input(stream::pipe).output(stream::pipe);
            if (changes)
                cmd.credentials(test::own_identity());
            process p = co_await async_spawn(ex, cmd, asio::use_awaitable);
            auto const line = co_await p.output().read_line();
            BOOST_TEST(line.value() == "here");
            co_await p.input().finish();
            execasio::exit_record const how = co_await p.wait();
            BOOST_TEST(how.success());
        }
    });
}

BOOST_AUTO_TEST_CASE(a_failure_has_its_stage)
{
    run_coroutine([]() -> asio::awaitable<void> {
        for (bool const changes : {false, true}) {
            auto const check = [&](command cmd, stage where, int why) -> asio::awaitable<void> {
                if (changes)
                    cmd.credentials(test::own_identity());
                outcome const result = co_await outcome_of(std::move(cmd));
                BOOST_TEST(result.where == where);
                BOOST_TEST(result.why.value() == why);
            };
            co_await check(command("/no/such/program"), stage::exec, ENOENT);
            co_await check(puppet().directory("/no/such"), stage::directory, ENOENT);
            co_await check(puppet().input(stream::read("/no/such")), stage::open_input, ENOENT);
            co_await check(command(), stage::command, static_cast<int>(errc::empty_command));
        }
    });
}

BOOST_AUTO_TEST_CASE(it_never_completes_from_within_the_call)
{
    for (bool const changes : {false, true})
        for (char const* program : {"/bin/true", "/no/such/program"}) {
            asio::io_context context;
            started_launch launch;
            command cmd(program);
            if (changes)
                cmd.credentials(test::own_identity());
            launch.start(context.get_executor(), cmd);
            BOOST_TEST(!launch.child.has_value());
            context.run_for(test::scaled(20s));
            BOOST_REQUIRE(launch.child.has_value());
            BOOST_TEST(launch.child->valid() == (program == std::string("/bin/true")));
            launch.child.reset();
            context.restart();
            context.run_for(test::scaled(20s));
        }
}

BOOST_AUTO_TEST_CASE(a_copy_of_the_report_pipe_elsewhere_is_no_failure)
{
    asio::io_context context;
    leaves_a_fork const hook;
    process p;
    // Until it is given the processor for long enough to execute its program.
    for (auto deadline = 200ms; !p.valid() && deadline < 10s; deadline *= 2) {
        command cmd = puppet("cat");
        cmd.input(stream::pipe).credentials(test::own_identity()).spawn_deadline(deadline);
        try {
            p = execasio::spawn(context.get_executor(), cmd, hook);
        } catch (execasio::spawn_error const& e) {
            BOOST_TEST(e.code() == boost::system::errc::timed_out);
            BOOST_TEST(!test::has_children());
        }
    }
    BOOST_REQUIRE(p.valid());
    p.signal(SIGKILL);
    p.async_wait([](error_code, execasio::exit_record const&) {});
    context.run_for(test::scaled(20s));
    BOOST_TEST((p.record() && p.record()->signal() == SIGKILL));
}

BOOST_AUTO_TEST_CASE(many_launches_at_once)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        constexpr std::size_t count = 50;
        std::vector<started_launch> launches(count);
        for (started_launch& launch : launches)
            launch.start(ex, command("/bin/true").credentials(test::own_identity()));
        for (started_launch& launch : launches) {
            co_await test::until([&] { return launch.child.has_value(); });
            BOOST_TEST((launch.failure == nullptr));
            execasio::exit_record const how = co_await launch.child->wait();
            BOOST_TEST(how.success());
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
