#include "support/conditions.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <string>

#include <signal.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::process_group;
using execasio::stop_plan;
using execasio::stop_target;
using execasio::stream;
using test::await_ready;
using test::group_of_two;
using test::has_ended;
using test::never;
using test::pipe_ends;
using test::puppet;
using test::read_pid;
using test::ready_command;
using test::ready_puppet;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(stopping, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_suspended_process_is_continued_to_hear_the_signal)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const group : {false, true}) {
            command cmd = ready_command("report", "18");
            if (group)
                cmd.group(process_group::create());
            process p = execasio::spawn(ex, cmd);
            co_await await_ready(p.output());
            p.signal(SIGSTOP);
            co_await test::until([&] { return test::is_in_state(p.id(), 'T'); });
            stop_plan plan = stop_plan().grace(never);
            if (group)
                plan.target(stop_target::group);
            exit_record const how = co_await execasio::stop(p, plan);
            BOOST_TEST(how.signal() == SIGTERM);
        }
    });
}

BOOST_AUTO_TEST_CASE(only_who_is_to_end_is_continued)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (auto const target : {stop_target::process, stop_target::group})
            for (int const signal : {0, SIGTSTP}) {
                command cmd = ready_command("report", "18");
                cmd.group(process_group::create());
                process p = execasio::spawn(ex, cmd);
                co_await await_ready(p.output());
                stop_plan plan = stop_plan::kill().signal(signal, 30ms).target(target);
                exit_record const how = co_await execasio::stop(p, plan);
                BOOST_TEST(how.signal() == SIGKILL);
                std::string const said = co_await p.output().read_all();
                BOOST_TEST_INFO("signal " << signal);
                BOOST_TEST(said == "");
            }
    });
}

BOOST_AUTO_TEST_CASE(a_group_is_stopped_as_a_whole)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, group_of_two());
        pid_t const descendant = co_await read_pid(p.output());
        stop_plan const plan = stop_plan().target(stop_target::group);
        exit_record const how = co_await execasio::stop(p, plan);
        BOOST_TEST(how.signal() == SIGTERM);
        BOOST_TEST(has_ended(descendant, 10s));
    });
}

BOOST_AUTO_TEST_CASE(without_a_group_of_its_own_only_the_process_is_meant)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process p = co_await ready_puppet();
        stop_plan const plan = stop_plan().target(stop_target::group);
        exit_record const how = co_await execasio::stop(p, plan); // and this program goes on
        BOOST_TEST(how.signal() == SIGTERM);
    });
}

BOOST_AUTO_TEST_CASE(what_may_not_be_signalled_is_told_and_no_plan_begun)
{
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("skipped: takes a second user");
        return;
    }
    std::string const failure = test::failure_in_fork([] {
        pipe_ends pipe; // its end releases the child, whoever may signal it
        asio::io_context context;
        command cmd = puppet("say", "ready", "await", "exit", "7");
        cmd.input(stream::descriptor(pipe.reader())).output(stream::pipe);
        process p = execasio::spawn(context.get_executor(), cmd);
        test::ensure(::setresuid(65534, 65534, 65534) == 0, "setresuid");
        error_code ec = execasio::request_stop(p);
        test::ensure(ec.value() == EPERM, "request_stop: " + ec.message());
        p.signal(SIGTERM, ec);
        test::ensure(ec.value() == EPERM, "signal: " + ec.message());
        pipe.close_writer();
        exit_record record;
        p.async_wait([&](error_code, exit_record const& how) { record = how; });
        context.run();
        test::ensure(record.code() == 7, describe(record));
        test::ensure(record.cause() == end_cause::itself, to_string(record.cause()));
        test::ensure(!record.stop_stage(), "a stage is told");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_SUITE_END()
