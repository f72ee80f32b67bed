// Whatever allocation fails, once: the call says so or has what it wants, and later ones work.
#include "shortage/allocations.hpp"
#include "support/family.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/input_queue.hpp>
#include <execasio/output_pump.hpp>
#include <execasio/process_scope.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/supervisor.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <new>
#include <string>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stop_plan;
using execasio::stop_target;
using execasio::stream;
using test::failing_allocation;
using test::family_word;
using test::processes_with_word;
using test::puppet;

namespace {

/// Calls the body with 1, 2, 3 and so on, the number of the allocation that is to fail in it, until
/// it has fewer than that.
/// @param body Returns whether that has happened.
template <class Body>
void for_each_allocation(Body body)
{
    long n = 1;
    for (bool happened = true; happened; ++n) {
        BOOST_TEST_CONTEXT("allocation " << n)
        happened = body(n);
    }
    BOOST_TEST(n > 3); // or nothing was shown
}

/// Runs out of work, or into a deadline; goes on after what is thrown.
/// @return Whether something was, which is how a program learns that no handler will be called.
bool run_dry(asio::io_context& context)
{
    bool thrown = false;
    context.restart(); // what failed may have been all the work that it had
    auto const end = std::chrono::steady_clock::now() + test::scaled(10s);
    while (!context.stopped() && std::chrono::steady_clock::now() < end) {
        try {
            context.run_until(end);
        } catch (std::bad_alloc const&) {
            thrown = true;
        }
    }
    BOOST_TEST(context.stopped());
    return thrown;
}

/// Ends some who ignore SIGTERM: it is the rest of the plan that has to come.
void all_end_by(stop_plan const& plan)
{
    for_each_allocation([&](long n) {
        std::string const word = family_word();
        bool const alone = plan.target() == stop_target::process;
        command cmd =
            alone ? puppet("ignore", "15", "pause-forever", word)
                  : puppet("ignore", "15", "fork", "pause-forever", "join", "pause-forever", word);
        cmd.group(execasio::process_group::create());
        asio::io_context context;
        process p = execasio::spawn(context.get_executor(), cmd);
        test::await_family(word, alone ? 1 : 2);
        int told = 0;
        bool happened;
        bool failed;
        {
            failing_allocation const fault(n);
            auto const insist = [](auto call) { // as a program would that gets memory again
                try {
                    call();
                } catch (std::bad_alloc const&) {
                    call();
                }
            };
            insist([&] { BOOST_TEST(!execasio::request_stop(p, plan)); });
            insist([&] { p.async_wait([&](error_code, exit_record const&) { ++told; }); });
            failed = run_dry(context);
            happened = fault.happened();
        }
        BOOST_TEST((told == 1 || failed));
        BOOST_TEST(!p.running());
        BOOST_TEST(test::is_gone_within(word, test::scaled(10s)));
        test::kill_family(word);
        return happened;
    });
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(out_of_memory, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_wait_can_be_begun_again)
{
    for_each_allocation([](long n) {
        asio::io_context context;
        process p = execasio::spawn(context.get_executor(), puppet("exit", "3"));
        bool happened;
        bool thrown = false;
        int told = 0;
        auto const tell = [&](error_code, exit_record const& how) { told += how.code() == 3; };
        {
            failing_allocation const fault(n);
            try {
                p.async_wait(tell);
            } catch (std::bad_alloc const&) {
                thrown = true;
            }
            happened = fault.happened();
        }
        if (thrown)
            p.async_wait(tell);
        bool const failed = run_dry(context);
        BOOST_TEST(told == (failed ? 0 : 1));
        return happened;
    });
}

BOOST_AUTO_TEST_CASE(a_pump_can_be_begun_again)
{
    for_each_allocation([](long n) {
        asio::io_context context;
        command cmd = puppet("say", "hello");
        cmd.output(stream::pipe);
        process p = execasio::spawn(context.get_executor(), cmd);
        std::string text;
        bool ended = false;
        execasio::output_pump pump(
            p.output(), [&](std::string_view data) { text += data; },
            [&](error_code) { ended = true; }, 0);
        bool happened;
        {
            failing_allocation const fault(n);
            try {
                pump.grant(execasio::output_pump::unlimited);
            } catch (std::bad_alloc const&) {
            }
            happened = fault.happened();
        }
        pump.grant(1);
        p.async_wait([](error_code, exit_record const&) {});
        bool const failed = run_dry(context);
        BOOST_TEST(text == (failed ? "" : "hello\n"));
        BOOST_TEST(ended == !failed);
        return happened;
    });
}

/// More than the pipe takes at once, so that the rest has to be kept.
BOOST_AUTO_TEST_CASE(a_queue_takes_all_or_nothing_or_is_closed)
{
    for_each_allocation([](long n) {
        asio::io_context context;
        command cmd = puppet("count");
        cmd.input(stream::pipe).output(stream::pipe);
        process p = execasio::spawn(context.get_executor(), cmd);
        std::string text;
        execasio::output_pump const pump(p.output(), [&](std::string_view data) { text += data; });
        execasio::input_queue queue(p.input());
        std::string data(2'000'000, 'x');
        bool happened;
        bool thrown = false;
        {
            failing_allocation const fault(n);
            try {
                queue.push(std::move(data));
            } catch (std::bad_alloc const&) {
                thrown = true;
            }
            happened = fault.happened();
        }
        bool const open = queue.is_open();
        BOOST_TEST((open || thrown));
        std::size_t const kept = queue.size();
        if (open) {
            queue.push("more");
            queue.finish();
        }
        p.async_wait([](error_code, exit_record const&) {});
        run_dry(context);
        std::size_t const counted = text.empty() ? 0 : std::stoul(text);
        if (!open)
            BOOST_TEST(counted < 2'000'000u);
        else
            BOOST_TEST(counted == (thrown && kept == 0 ? 4u : 2'000'004u));
        return happened;
    });
}

BOOST_AUTO_TEST_CASE(a_supervisor_has_no_member_that_nobody_watches)
{
    for_each_allocation([](long n) {
        asio::io_context context;
        int told = 0;
        execasio::supervisor all(context.get_executor(),
                                 [&](process&, error_code, exit_record const&) { ++told; });
        bool happened;
        bool spawned = false;
        {
            failing_allocation const fault(n);
            try {
                all.spawn(puppet("exit", "0"));
                spawned = true;
            } catch (std::bad_alloc const&) {
            } catch (boost::system::system_error const&) { // of the launch, which says it so
            }
            happened = fault.happened();
        }
        BOOST_TEST(all.size() == (spawned ? 1u : 0u));
        run_dry(context);
        BOOST_TEST(all.size() == 0u);
        BOOST_TEST(told == (spawned ? 1 : 0));
        return happened;
    });
}

BOOST_AUTO_TEST_CASE(a_plan_goes_on_to_its_end)
{
    for (stop_target const target : {stop_target::process, stop_target::group, stop_target::tree})
        all_end_by(stop_plan().grace(10ms).target(target));
}

BOOST_AUTO_TEST_CASE(so_does_one_that_begins_with_a_command)
{
    command cmd = puppet("pause-forever");
    all_end_by(stop_plan::kill().command(cmd, 10ms).target(stop_target::group));
    if (test::may_change_identity()) {
        cmd.credentials(execasio::credentials::user("nobody"));
        all_end_by(stop_plan::kill().command(cmd, 10ms).target(stop_target::group));
    }
}

BOOST_AUTO_TEST_CASE(its_command_has_an_end_as_well)
{
    for_each_allocation([&](long n) {
        asio::io_context context;
        process p =
            execasio::spawn(context.get_executor(), puppet("ignore", "15", "pause-forever"));
        auto const plan = stop_plan::kill().command(puppet("pause-forever"), 0ms, 20ms);
        bool happened;
        {
            failing_allocation const fault(n);
            try {
                BOOST_TEST(!execasio::request_stop(p, plan));
            } catch (std::bad_alloc const&) {
                BOOST_TEST(!execasio::request_stop(p, plan));
            }
            run_dry(context);
            happened = fault.happened();
        }
        BOOST_TEST(!p.running());
        BOOST_TEST(!test::has_children());
        return happened;
    });
}

BOOST_AUTO_TEST_CASE(a_scope_has_no_member_that_nobody_watches)
{
    for_each_allocation([](long n) {
        asio::io_context context;
        bool happened = false;
        bool finished = false;
        auto body = [&](execasio::process_scope& scope) -> asio::awaitable<void> {
            process p = execasio::spawn(context.get_executor(), puppet("exit", "0"));
            failing_allocation const fault(n);
            try {
                static_cast<void>(scope.add(std::move(p)));
            } catch (std::bad_alloc const&) {
            }
            happened = fault.happened();
            co_return;
        };
        asio::co_spawn(context, execasio::with_scope(body), [&](std::exception_ptr failure) {
            finished = true;
            BOOST_TEST(!failure);
        });
        run_dry(context);
        BOOST_TEST(finished);
        return happened;
    });
}

BOOST_AUTO_TEST_CASE(so_does_a_plan_for_what_is_left_behind)
{
    for (stop_target const target : {stop_target::group, stop_target::tree}) {
        for_each_allocation([&](long n) {
            std::string const word = family_word();
            command cmd =
                puppet("ignore", "15", "fork", "pause-forever", "join", "await", "exit", "0", word);
            cmd.group(execasio::process_group::create()).input(stream::pipe);
            cmd.at_exit(stop_plan().grace(10ms).target(target));
            asio::io_context context;
            process p = execasio::spawn(context.get_executor(), cmd);
            test::await_family(word, 2);
            int told = 0;
            p.async_wait([&](error_code, exit_record const&) { ++told; });
            bool happened;
            bool failed;
            {
                failing_allocation const fault(n);
                p.input().close();
                failed = run_dry(context);
                happened = fault.happened();
            }
            BOOST_TEST(told == (failed ? 0 : 1));
            // Without memory for the plan they are killed, and not awaited.
            BOOST_TEST(test::is_gone_within(word, test::scaled(10s)));
            test::kill_family(word);
            return happened;
        });
    }
}

BOOST_AUTO_TEST_SUITE_END()
