#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/family.hpp"
#include "support/filter.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/process_scope.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/syscall.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::member_failed;
using execasio::on_failure;
using execasio::process;
using execasio::process_scope;
using execasio::stop_plan;
using execasio::stream;
using execasio::with_scope;
using test::error_of;
using test::for_ever;
using test::puppet;
using test::run_coroutine;
using test::scaled;

namespace {

using process_ptr = std::shared_ptr<process>;

/// A child that is known to be up: stubborn ones ignore SIGTERM.
asio::awaitable<process_ptr> up(process_scope& scope, bool stubborn = false,
                                on_failure failure = on_failure::nothing)
{
    command cmd = puppet("ignore", stubborn ? "15" : "10", "say", "up", "pause-forever");
    cmd.output(stream::pipe);
    process_ptr const p = scope.spawn(cmd, stop_plan().grace(20ms), failure);
    co_await p->output().read_line();
    co_return p;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(scope, test::no_leaks)

BOOST_AUTO_TEST_CASE(its_processes_are_stopped_by_their_plans_and_awaited_when_the_body_returns)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::vector<process_ptr> all;
        auto body = [&all](process_scope& scope) -> asio::awaitable<void> {
            all.push_back(co_await up(scope));
            all.push_back(co_await up(scope, true));
            BOOST_TEST(scope.size() == 2u);
        };
        co_await with_scope(body);
        BOOST_TEST(!test::has_children()); // at once, with both reaped
        BOOST_REQUIRE(all.size() == 2u);
        BOOST_TEST(all[0]->record().value().signal() == SIGTERM);
        BOOST_TEST(all[0]->record().value().cause() == end_cause::stopped);
        BOOST_TEST(all[1]->record().value().signal() == SIGKILL);
        BOOST_TEST(all[1]->record().value().stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(all_plans_begin_at_once)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto body = [](process_scope& scope) -> asio::awaitable<void> {
            command cmd = puppet("ignore", "15", "say", "up", "pause-forever");
            cmd.output(stream::pipe);
            for (int i = 0; i < 10; ++i) {
                process_ptr const p = scope.spawn(cmd, stop_plan().grace(200ms));
                co_await p->output().read_line();
            }
        };
        auto took = std::chrono::steady_clock::duration::max();
        // Once is enough, since others use this machine, too.
        for (int tries = 0; tries < 5 && took >= 1s + scaled(500ms); ++tries) {
            auto const before = std::chrono::steady_clock::now();
            co_await with_scope(body);
            took = std::chrono::steady_clock::now() - before;
        }
        BOOST_TEST((took < 1s + scaled(500ms)));
    });
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_body_comes_out_when_all_have_ended)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const text = std::make_shared<std::string>("a capture that is copied");
        auto body = [text](process_scope& scope) -> asio::awaitable<void> {
            co_await up(scope, true);
            throw std::runtime_error(*text);
        };
        std::string what;
        try {
            co_await with_scope(body);
        } catch (std::runtime_error const& e) {
            what = e.what();
        }
        BOOST_TEST(what == "a capture that is copied");
        BOOST_TEST(!test::has_children());
        BOOST_TEST(text.use_count() == 2); // the body's own, and no copy is left
    });
}

BOOST_AUTO_TEST_CASE(cancellation_reaches_the_body_and_ends_what_it_started)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                                asio::cancellation_type::total}) {
            asio::cancellation_signal signal;
            process_ptr child;
            bool left = false;
            auto body = [&](process_scope& scope) -> asio::awaitable<void> {
                struct leaving {
                    bool& flag;
                    ~leaving() { flag = true; }
                } const at_end{left};
                child = co_await up(scope, true);
                co_await for_ever();
            };
            auto caller = [&]() -> asio::awaitable<error_code> {
                co_await asio::this_coro::reset_cancellation_state(
                    asio::enable_total_cancellation());
                co_return co_await error_of(with_scope(body));
            };
            error_code ec;
            bool done = false;
            asio::co_spawn(
                ex, caller(),
                asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, error_code e) {
                    // All over, and not only on its way.
                    BOOST_TEST(!child->running());
                    ec = e;
                    done = true;
                }));
            co_await test::until([&] { return child && child->running(); });
            signal.emit(type);
            co_await test::until([&] { return done; });
            BOOST_TEST(left);
            BOOST_TEST(ec == asio::error::operation_aborted);
            BOOST_TEST(child->record().value().signal() == SIGKILL);
            BOOST_TEST(child->record().value().cause() == end_cause::stopped);
        }
    });
}

BOOST_AUTO_TEST_CASE(cancelled_before_it_has_begun_it_starts_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::total})
            for (int turns = 0; turns < 8; ++turns) {
                asio::cancellation_signal signal;
                bool begun = false;
                bool done = false;
                auto body = [&](process_scope& scope) -> asio::awaitable<void> {
                    co_await up(scope);
                    co_await for_ever();
                };
                auto caller = [&]() -> asio::awaitable<void> {
                    co_await asio::this_coro::reset_cancellation_state(
                        asio::enable_total_cancellation());
                    begun = true;
                    co_await with_scope(body);
                };
                asio::co_spawn(
                    ex, caller(),
                    asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                        BOOST_TEST(bool(e));
                        done = true;
                    }));
                co_await test::until([&] { return begun; });
                for (int i = 0; i < turns; ++i)
                    co_await asio::post(ex, asio::use_awaitable);
                signal.emit(type);
                co_await test::until([&] { return done; });
                BOOST_TEST(!test::has_children());
            }
    });
}

BOOST_AUTO_TEST_CASE(a_second_cancellation_does_not_shorten_the_wait_for_the_ends)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        asio::cancellation_signal signal;
        process_ptr child;
        bool done = false;
        auto body = [&](process_scope& scope) -> asio::awaitable<void> {
            command cmd = puppet("ignore", "15", "say", "up", "pause-forever");
            cmd.output(stream::pipe);
            child = scope.spawn(cmd, stop_plan().grace(100ms));
            co_await child->output().read_line();
            co_await for_ever();
        };
        asio::co_spawn(ex, with_scope(body),
                       asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) {
                           BOOST_TEST(!child->running());
                           done = true;
                       }));
        co_await test::until([&] { return child && child->output().total() != 0; });
        for (int i = 0; i < 20; ++i) {
            signal.emit(asio::cancellation_type::terminal);
            co_await asio::post(ex, asio::use_awaitable);
        }
        co_await test::until([&] { return done; });
        BOOST_TEST(child->record().value().signal() == SIGKILL);
    });
}

BOOST_AUTO_TEST_CASE(the_failure_of_one_ends_the_others_on_request)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process_ptr other;
        pid_t failed = 0;
        bool cancelled = false;
        auto body = [&](process_scope& scope) -> asio::awaitable<void> {
            other = co_await up(scope);
            failed = scope.spawn(puppet("exit", "7"), stop_plan(), on_failure::end_scope)->id();
            error_code const ec = co_await error_of(for_ever());
            cancelled = ec == asio::error::operation_aborted;
            BOOST_CHECK_THROW(scope.spawn(puppet("pause")), boost::system::system_error);
        };
        bool thrown = false;
        try {
            co_await with_scope(body);
        } catch (member_failed const& e) {
            thrown = true;
            BOOST_TEST(e.code() == errc::member_failed);
            BOOST_TEST(e.pid() == failed);
            BOOST_TEST(e.record().code() == 7);
        }
        BOOST_TEST(thrown);
        BOOST_TEST(cancelled);
        BOOST_TEST(other->record().value().cause() == end_cause::stopped);
        BOOST_TEST(!test::has_children());
    });
}

BOOST_AUTO_TEST_CASE(ends_that_are_no_failures_end_nothing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto body = [](process_scope& scope) -> asio::awaitable<void> {
            process_ptr const good =
                scope.spawn(puppet("exit", "0"), stop_plan(), on_failure::end_scope);
            co_await good->wait();
            process_ptr const unlinked = scope.spawn(puppet("raise", "9"));
            co_await unlinked->wait();
            process_ptr const stopped = co_await up(scope, false, on_failure::end_scope);
            co_await execasio::stop(*stopped); // that was wanted
            co_await test::until([&] { return scope.size() == 0; });
            co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        };
        co_await with_scope(body);
    });
}

BOOST_AUTO_TEST_CASE(a_time_guard_is_a_failure)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto body = [](process_scope& scope) -> asio::awaitable<void> {
            process_ptr const p = co_await up(scope, false, on_failure::end_scope);
            execasio::guard(*p, execasio::time_guards().run_time(1ms));
            co_await for_ever();
        };
        error_code const ec = co_await error_of(with_scope(body));
        BOOST_TEST(ec == errc::member_failed);
    });
}

BOOST_AUTO_TEST_CASE(scopes_can_be_nested)
{
    run_coroutine([]() -> asio::awaitable<void> {
        process_ptr outer_child;
        process_ptr inner_child;
        process_ptr failing;
        auto inner = [&](process_scope& scope) -> asio::awaitable<void> {
            inner_child = co_await up(scope);
            failing->input().close();
            co_await for_ever();
        };
        auto outer = [&](process_scope& scope) -> asio::awaitable<void> {
            outer_child = co_await up(scope);
            command cmd = puppet("await", "raise", "9");
            cmd.input(stream::pipe);
            failing = scope.spawn(cmd, stop_plan(), on_failure::end_scope);
            co_await with_scope(inner);
        };
        error_code const ec = co_await error_of(with_scope(outer));
        BOOST_TEST(ec == errc::member_failed);
        BOOST_TEST(!inner_child->running());
        BOOST_TEST(!outer_child->running());
    });
}

BOOST_AUTO_TEST_CASE(many_that_come_and_go_are_not_kept)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto body = [](process_scope& scope) -> asio::awaitable<void> {
            std::weak_ptr<process> last;
            for (int i = 0; i < 50; ++i) {
                process_ptr const p = scope.spawn(puppet("exit", "0"));
                last = p;
                co_await p->wait();
            }
            co_await test::until([&] { return scope.size() == 0; });
            BOOST_TEST(last.expired());
        };
        co_await with_scope(body);
    });
}

BOOST_AUTO_TEST_CASE(a_process_may_be_added_and_a_failed_spawn_is_the_bodys)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, puppet("pause-forever"));
        auto body = [&p](process_scope& scope) -> asio::awaitable<void> {
            scope.add(std::move(p));
            BOOST_CHECK_THROW(scope.add(process()), boost::system::system_error);
            scope.spawn(command("/no/such/program"));
            co_return;
        };
        error_code const ec = co_await error_of(with_scope(body));
        BOOST_TEST(ec.value() == ENOENT);
        BOOST_TEST(!test::has_children());
    });
}

BOOST_AUTO_TEST_CASE(an_end_is_told_to_any_number_of_waiters)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int told = 0;
        // Outlives the coroutine that it begins, which refers to it.
        auto const waiter = [&told](process_ptr w) -> asio::awaitable<void> {
            exit_record const how = co_await w->wait();
            told += how.signal() == SIGTERM ? 1 : 0;
        };
        auto body = [&](process_scope& scope) -> asio::awaitable<void> {
            process_ptr const p = co_await up(scope);
            for (int i = 0; i < 100; ++i)
                p->async_wait([&told](error_code ec, exit_record const& how) {
                    BOOST_TEST(!ec);
                    told += how.signal() == SIGTERM ? 1 : 0;
                });
            asio::co_spawn(ex, waiter(p), [](std::exception_ptr e) { BOOST_TEST(!e); });
            co_await asio::post(ex, asio::use_awaitable);
        };
        co_await with_scope(body);
        co_await test::until([&] { return told == 101; });
    });
}

BOOST_AUTO_TEST_CASE(one_that_may_not_be_signalled_is_told_and_not_awaited)
{
    // As if it had become somebody else's.
    std::string const failure = test::failure_in_fork([] {
        asio::io_context context(1);
        process_ptr child;
        error_code ec;
        auto body = [&child](process_scope& scope) -> asio::awaitable<void> {
            command cmd = puppet("await");
            cmd.input(stream::pipe);
            child = scope.spawn(cmd);
            test::refuse_system_calls({SYS_kill, SYS_pidfd_send_signal}, EPERM);
            co_return;
        };
        asio::co_spawn(context, error_of(with_scope(body)),
                       [&](std::exception_ptr, error_code e) { ec = e; });
        context.run_for(scaled(10s)); // nothing of it keeps the loop running either
        test::ensure(context.stopped(), "it is awaited");
        test::ensure(ec.value() == EPERM, "its refusal is not told: " + ec.message());
        test::ensure(child->poll(), "it has ended");
        child->input().close();
        test::ensure(test::has_ended(child->id(), 10s), "it does not end");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(the_context_may_go_while_a_scope_runs)
{
    pid_t pid = 0;
    {
        asio::io_context context(1);
        auto body = [&pid](process_scope& scope) -> asio::awaitable<void> {
            process_ptr const p = co_await up(scope);
            pid = p->id();
            co_await for_ever();
        };
        asio::co_spawn(context, with_scope(body), [](std::exception_ptr) {});
        auto const end = std::chrono::steady_clock::now() + scaled(10s);
        while (pid == 0 && std::chrono::steady_clock::now() < end)
            context.run_one_for(10ms);
    }
    BOOST_REQUIRE(pid != 0);
    BOOST_TEST(test::has_ended(pid, 10s)); // killed, as any process whose owner goes
    // Reaped by the next launch.
    asio::io_context context(1);
    process p = execasio::spawn(context.get_executor(), puppet("exit", "0"));
    p.async_wait([](error_code, exit_record const&) {});
    context.run_for(scaled(10s));
}

BOOST_AUTO_TEST_CASE(the_end_of_a_whole_group_is_awaited)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = test::family_word();
        auto const body = [&word](process_scope& scope) -> asio::awaitable<void> {
            command cmd = puppet("fork", "ignore", "15", "say", "ready", "pause-forever", "join",
                                 "pause-forever", word);
            cmd.output(execasio::stream::pipe).group(execasio::process_group::create());
            auto const p =
                scope.spawn(cmd, stop_plan().grace(50ms).target(execasio::stop_target::group));
            co_await p->output().read_line();
        };
        co_await with_scope(body);
        BOOST_TEST(test::processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_SUITE_END()
