#include "support/conditions.hpp"
#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/nephew.hpp"
#include "support/no_descriptors.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/run_coroutine.hpp"
#include "support/stranger.hpp"

#include <execasio/adopt.hpp>
#include <execasio/features.hpp>
#include <execasio/stop.hpp>
#include <execasio/subreaper.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::adopt;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using test::ensure;
using test::has_ended;
using test::nephew;
using test::run_coroutine;

namespace {

using clock_type = std::chrono::steady_clock;

/// So long a parent has for reaping its child that has ended.
constexpr auto reaper_patience = 50ms;

/// For `no_descriptors`: nor can the library give any back.
constexpr rlim_t no_room = 3;

bool tells_status_of_others()
{
    for (execasio::feature const& f : execasio::probe_features())
        if (f.name == "PIDFD_INFO_EXIT" && f.available)
            return true;
    BOOST_TEST_MESSAGE("skipped: the kernel does not remember how others' children end (6.15)");
    return false;
}

/// Waits in an event loop of its own. @return nullopt when the status is lost.
std::optional<exit_record> outcome_of(process& p, asio::io_context& context)
{
    std::optional<exit_record> how;
    p.async_wait([&](error_code ec, exit_record const& record) {
        if (!ec)
            how = record;
    });
    context.run_for(test::scaled(20s));
    context.restart();
    return how;
}

/// Whether it is known how the process ended, as it has to be unless its parent takes its time.
bool is_known_in_time(process& p, asio::io_context& context)
{
    auto const begun = clock_type::now();
    auto const how = outcome_of(p, context);
    return how ? how->code() == 7 : clock_type::now() - begun >= reaper_patience;
}

/// Adopts it in a process of another user's, which may not signal it, and then has it end.
/// @param at_its_end The body is called when it ends, and not before that.
/// @return What the body says.
bool end_as_nobody_sees_it(nephew& other, std::function<bool(process&, asio::io_context&)> body,
                           bool at_its_end = true)
{
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    pid_t const watcher = ::fork();
    if (watcher == 0) {
        ::alarm(60);
        if (::setresuid(test::nobody, test::nobody, test::nobody) != 0)
            ::_exit(2);
        asio::io_context context(1);
        process p = adopt(context.get_executor(), other.pid());
        error_code ec;
        p.signal(SIGTERM, ec);
        if (ec != boost::system::errc::operation_not_permitted)
            ::_exit(3);
        bool const before = at_its_end || body(p, context);
        if (::write(ends[1], "x", 1) != 1)
            ::_exit(3);
        ::_exit(before && (!at_its_end || body(p, context)) ? 0 : 4);
    }
    ::close(ends[1]);
    char ready;
    BOOST_TEST(::read(ends[0], &ready, 1) == 1);
    ::close(ends[0]);
    ::kill(other.pid(), SIGUSR1);
    int status = -1;
    BOOST_TEST(::waitpid(watcher, &status, 0) == watcher);
    other.ended();
    BOOST_TEST(status == 0);
    return status == 0;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(adopted, test::no_leaks)

BOOST_AUTO_TEST_CASE(how_it_ended_is_known_when_its_parent_has_reaped_it)
{
    if (!tells_status_of_others())
        return;
    asio::io_context context(1);
    for (int const signal : {SIGUSR1, SIGTERM}) {
        nephew other(nephew::parent::reaps);
        process p = adopt(context.get_executor(), other.pid());
        BOOST_TEST(p.id() == other.pid());
        BOOST_TEST(p.poll());
        p.signal(signal);
        auto const how = outcome_of(p, context);
        other.ended();
        BOOST_REQUIRE(how.has_value());
        if (signal == SIGUSR1)
            BOOST_TEST(how->code() == 7);
        else
            BOOST_TEST(how->signal() == SIGTERM);
    }
}

/// Whenever it is reaped. Nothing else tells its status: no file can be opened.
BOOST_AUTO_TEST_CASE(what_the_kernel_remembers_is_known)
{
    if (!tells_status_of_others())
        return;
    auto const once = [] {
        asio::io_context context(1);
        nephew other(nephew::parent::reaps);
        process p = adopt(context.get_executor(), other.pid());
        test::no_descriptors const none(no_room);
        p.signal(SIGUSR1);
        bool const known = is_known_in_time(p, context);
        other.ended();
        ensure(known, "its status is lost");
    };
    BOOST_TEST(test::failure_in_fork([&] {
                   for (int round = 0; round < 100; ++round)
                       once();
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_zombie_that_its_parent_keeps_has_ended)
{
    asio::io_context context(1);
    nephew const other(nephew::parent::holds);
    process p = adopt(context.get_executor(), other.pid());
    p.signal(SIGUSR1);
    // Root may know the status of anybody's zombie, and everybody of one's own user.
    auto const how = outcome_of(p, context);
    BOOST_REQUIRE(how.has_value());
    BOOST_TEST(how->code() == 7);
    BOOST_TEST(!p.poll());
}

BOOST_AUTO_TEST_CASE(it_is_stopped_by_a_plan)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        nephew const other(nephew::parent::holds);
        process p = adopt(ex, other.pid());
        execasio::stop_plan plan = execasio::stop_plan::kill();
        plan.signal(SIGHUP, 20ms); // which it ignores
        auto const result = co_await execasio::stop(p, plan);
        BOOST_TEST(result.stop_stage().value() == 1u);
        BOOST_TEST(has_ended(other.pid()));
    });
}

BOOST_AUTO_TEST_CASE(its_object_may_go_without_it)
{
    asio::io_context context(1);
    nephew other(nephew::parent::reaps);
    static_cast<void>(adopt(context.get_executor(), other.pid()));
    BOOST_TEST(!has_ended(other.pid()));
    {
        process p = adopt(context.get_executor(), other.pid());
        p.on_destroy(execasio::lifetime::kill);
    }
    BOOST_TEST(has_ended(other.pid(), 10s));
    other.ended();
}

BOOST_AUTO_TEST_CASE(who_may_not_signal_it_learns_of_its_end)
{
    if (!tells_status_of_others() || !test::may_change_identity())
        return;
    nephew other(nephew::parent::reaps);
    BOOST_TEST(end_as_nobody_sees_it(other, is_known_in_time));
}

/// Its status is shown as 0 to those who may not know it.
BOOST_AUTO_TEST_CASE(a_status_that_may_not_be_known_is_not_zero)
{
    if (!test::may_change_identity())
        return;
    nephew other(nephew::parent::holds, false, test::nobody);
    BOOST_TEST(end_as_nobody_sees_it(other, [](process& p, asio::io_context& context) {
        return !outcome_of(p, context).has_value();
    }));
}

BOOST_AUTO_TEST_CASE(waiting_for_the_reaper_does_not_spin)
{
    if (!test::may_change_identity())
        return;
    nephew other(nephew::parent::holds);
    BOOST_TEST(end_as_nobody_sees_it(other, [](process& p, asio::io_context& context) {
        bool lost = false;
        p.async_wait([&](error_code ec, exit_record const&) { lost = ec == errc::status_lost; });
        std::size_t const handlers = context.run();
        return lost && handlers < 50;
    }));
}

BOOST_AUTO_TEST_CASE(an_orphan_becomes_ours_to_reap_under_a_subreaper)
{
    BOOST_TEST(test::failure_in_fork([] {
                   ensure(!execasio::become_subreaper(), "subreaper");
                   asio::io_context context(1);
                   nephew other(nephew::parent::leaves);
                   process p = adopt(context.get_executor(), other.pid());
                   p.signal(SIGUSR1);
                   auto const how = outcome_of(p, context);
                   other.ended();
                   ensure(how && how->code() == 7, "its status is lost");
                   ensure(::waitpid(-1, nullptr, WNOHANG) == -1, "it was not reaped");
               }) == "");
}

BOOST_AUTO_TEST_CASE(who_gets_its_number_later_is_not_signalled)
{
    std::string const failure = test::failure_in_fork([] {
        asio::io_context context(1);
        nephew former(nephew::parent::reaps);
        process p = adopt(context.get_executor(), former.pid());
        ::kill(former.pid(), SIGUSR1);
        while (::kill(former.pid(), 0) == 0) { // until it is reaped
        }
        former.ended();
        test::stranger const other(former.pid(), true);
        ensure(other.pid() == former.pid(), "skipped");
        error_code ec;
        p.signal(SIGKILL, ec);
        ensure(ec == errc::already_ended, ec.message());
        p.signal_group(SIGKILL, ec);
        ensure(ec.failed(), "its group was signalled");
        execasio::request_stop(p, execasio::stop_plan::kill());
        context.run();
        ensure(!has_ended(other.pid(), 100ms), "a stranger was signalled");
    });
    if (failure == "skipped")
        BOOST_TEST_MESSAGE("skipped: process ids cannot be chosen without CAP_SYS_ADMIN");
    else
        BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(nobody_there_is_an_error)
{
    asio::io_context context(1);
    nephew other(nephew::parent::reaps);
    ::kill(other.pid(), SIGKILL);
    while (::kill(other.pid(), 0) == 0) {
    }
    other.ended();
    BOOST_CHECK_EXCEPTION(static_cast<void>(adopt(context.get_executor(), other.pid())),
                          boost::system::system_error, [](boost::system::system_error const& e) {
                              return e.code() == boost::system::errc::no_such_process;
                          });
}

BOOST_AUTO_TEST_CASE(a_wait_begun_anew_while_its_reaper_is_awaited_is_told)
{
    if (!test::may_change_identity())
        return;
    nephew other(nephew::parent::holds);
    BOOST_TEST(end_as_nobody_sees_it(other, [](process& p, asio::io_context& context) {
        asio::cancellation_signal first;
        bool told = false;
        p.async_wait(
            asio::bind_cancellation_slot(first.slot(), [&](error_code, exit_record const&) {
                p.async_wait([&](error_code, exit_record const&) { told = true; });
            }));
        while (!test::is_in_state(p.id(), 'Z'))
            context.poll();
        context.poll();
        first.emit(asio::cancellation_type::terminal);
        context.run_for(20s);
        return told;
    }));
}

BOOST_AUTO_TEST_CASE(waits_for_a_moment_each_are_told_in_the_end)
{
    if (!test::may_change_identity())
        return;
    nephew other(nephew::parent::holds);
    BOOST_TEST(end_as_nobody_sees_it(other, [](process& p, asio::io_context& context) {
        bool told = false;
        for (int waits = 0; waits < 1000 && !told; ++waits) {
            asio::cancellation_signal stop;
            asio::steady_timer moment(context, 5ms);
            moment.async_wait([&](auto) { stop.emit(asio::cancellation_type::terminal); });
            p.async_wait(
                asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, exit_record const&) {
                    told = ec != asio::error::operation_aborted;
                }));
            context.restart();
            context.run();
        }
        return told;
    }));
}

/// Its first stage is over as soon as it begins, which another thread may notice before it is known
/// that it cannot begin.
BOOST_AUTO_TEST_CASE(a_plan_that_is_refused_leaves_no_clock)
{
    if (!test::may_change_identity())
        return;
    nephew other(nephew::parent::reaps);
    BOOST_TEST(end_as_nobody_sees_it(
        other,
        [](process& p, asio::io_context& context) {
            auto work = asio::make_work_guard(context);
            std::thread other_thread([&] { context.run(); });
            bool refused = true;
            auto const strand = asio::make_strand(context);
            process same = adopt(strand, p.id());
            asio::post(strand, [&] {
                for (int tries = 0; tries < 50; ++tries) {
                    execasio::stop_plan plan = execasio::stop_plan::kill();
                    plan.signal(SIGTERM, 0ms).target(execasio::stop_target::group);
                    refused = refused && execasio::request_stop(same, plan).failed();
                }
                work.reset();
            });
            context.run();
            other_thread.join();
            return refused;
        },
        false));
}

BOOST_AUTO_TEST_SUITE_END()
