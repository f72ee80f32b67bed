#include "support/conditions.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/exit_engine.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::errc;
using execasio::error_code;
using execasio::exit_record;
using execasio::lifetime;
using execasio::process;
using execasio::process_group;
using execasio::stream;
using test::has_ended;
using test::puppet;
using test::run_coroutine;
using test::scaled;

namespace {

bool by_sigchld()
{
    return execasio::current_exit_engine() == execasio::exit_engine::sigchld;
}

/// A child that ends, by the verbs given, as soon as its input is closed.
template <class... Words>
process spawn_gated(asio::any_io_executor executor, Words&&... words)
{
    command cmd = puppet("await", std::forward<Words>(words)...);
    cmd.input(stream::pipe);
    return execasio::spawn(executor, cmd);
}

/// Blocks until the child is a zombie, and leaves it one.
void await_zombie(pid_t pid)
{
    siginfo_t info{};
    int result;
    do {
        result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
    } while (result != 0 && errno == EINTR);
    BOOST_REQUIRE(result == 0);
}

/// As other code would that does not know of us.
int reap_behind_its_back(process const& p)
{
    int status = 0;
    pid_t pid;
    do {
        pid = ::waitpid(p.id(), &status, 0);
    } while (pid < 0 && errno == EINTR);
    BOOST_REQUIRE(pid == p.id());
    return status;
}

/// Lets the event loop take all the turns that it has work for now.
asio::awaitable<void> some_turns()
{
    auto const ex = co_await asio::this_coro::executor;
    for (int i = 0; i < 10; ++i)
        co_await asio::post(ex, asio::use_awaitable);
}

asio::awaitable<pid_t> read_pid(process& p)
{
    auto const line = co_await p.output().read_line();
    co_return static_cast<pid_t>(std::stol(line.value()));
}

int future_engine_code(process& p, asio::io_context& context)
{
    std::future<exit_record> end = p.async_wait(asio::use_future);
    std::thread loop([&context] { context.run(); });
    bool const in_time = end.wait_for(scaled(20s)) == std::future_status::ready;
    if (!in_time)
        context.stop();
    loop.join();
    return in_time ? end.get().code() : -1;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process_object, test::no_leaks)

BOOST_AUTO_TEST_CASE(any_number_of_waits_get_the_record_before_and_after_the_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "7");
        std::vector<int> codes;
        auto const note = [&codes](error_code ec, exit_record const& how) {
            BOOST_TEST(!ec);
            codes.push_back(how.code());
        };
        for (int i = 0; i < 3; ++i)
            p.async_wait(note);
        auto const await_it = [&]() -> asio::awaitable<void> {
            exit_record const how = co_await p.wait();
            codes.push_back(how.code());
        };
        for (int i = 0; i < 3; ++i)
            asio::co_spawn(ex, await_it, [](std::exception_ptr e) { BOOST_TEST(!e); });
        co_await some_turns();
        BOOST_TEST(p.running());
        BOOST_TEST(!p.record());
        p.input().close();
        exit_record how = co_await p.wait();
        BOOST_TEST(how.code() == 7);
        co_await test::until([&] { return codes.size() == 6; });
        BOOST_TEST(!p.running());
        BOOST_TEST(p.record().value().code() == 7);

        how = co_await p.wait();
        BOOST_TEST(how.code() == 7);
        how = co_await p.async_wait(asio::use_awaitable);
        BOOST_TEST(how.code() == 7);
        bool inside = true;
        p.async_wait([&](error_code ec, exit_record const& again) {
            BOOST_TEST(!inside); // never from within the call
            note(ec, again);
        });
        inside = false;
        co_await test::until([&] { return codes.size() == 7; });
        for (int const code : codes)
            BOOST_TEST(code == 7);
    });
}

BOOST_AUTO_TEST_CASE(a_deferred_wait_begins_when_it_is_launched)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "3");
        auto wait = p.async_wait(asio::deferred);
        p.input().close();
        asio::awaitable<exit_record> launched = std::move(wait)(asio::use_awaitable);
        exit_record const how = co_await std::move(launched);
        BOOST_TEST(how.code() == 3);
    });
}

BOOST_AUTO_TEST_CASE(a_future_is_made_ready_by_a_context_on_another_thread)
{
    asio::io_context context;
    process p = spawn_gated(context.get_executor(), "exit", "4");
    p.input().close();
    BOOST_TEST(future_engine_code(p, context) == 4);
    context.restart();
    BOOST_TEST(future_engine_code(p, context) == 4); // it has ended
}

BOOST_AUTO_TEST_CASE(processes_on_strands_of_a_thread_pool_are_waited_for)
{
    asio::thread_pool pool(3);
    std::atomic<int> sum = 0;
    std::atomic<int> failures = 0; // Boost.Test is not for many threads
    for (int i = 0; i < 24; ++i) {
        auto const strand = asio::make_strand(pool.get_executor());
        auto const body = [&sum, strand]() -> asio::awaitable<void> {
            for (int n = 0; n < 3; ++n) {
                command cmd = puppet("say", "x", "exit", "1");
                cmd.output(stream::pipe);
                process p = execasio::spawn(strand, cmd);
                std::string const text = co_await p.output().read_all();
                exit_record const how = co_await p.wait();
                if (text == "x\n")
                    sum += how.code();
            }
        };
        asio::co_spawn(strand, body, [&failures](std::exception_ptr e) { failures += e ? 1 : 0; });
    }
    pool.join();
    BOOST_TEST(failures == 0);
    BOOST_TEST(sum == 72);
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_touches_neither_the_process_nor_the_other_waits)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "5");
        for (auto const type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                                asio::cancellation_type::total}) {
            asio::cancellation_signal signal;
            std::vector<error_code> cancelled;
            auto const note = [&](error_code ec, exit_record const& how) {
                cancelled.push_back(ec);
                BOOST_TEST(!how.known());
            };
            p.async_wait(asio::bind_cancellation_slot(signal.slot(), note));
            co_await some_turns();
            signal.emit(type);
            co_await test::until([&] { return cancelled.size() == 1; });
            BOOST_TEST(cancelled.front() == asio::error::operation_aborted);
        }
        BOOST_TEST(!has_ended(p.id()));

        // Now beside others, and one that comes while the watch of the last is being given up.
        asio::cancellation_signal signal;
        int aborted = 0;
        int ended = 0;
        auto const note = [&](error_code ec, exit_record const& how) {
            if (ec == asio::error::operation_aborted)
                ++aborted;
            else
                ended += how.code();
        };
        p.async_wait(asio::bind_cancellation_slot(signal.slot(), note));
        co_await some_turns();
        signal.emit(asio::cancellation_type::total);
        p.async_wait(note);
        p.async_wait(note);
        co_await test::until([&] { return aborted == 1; });
        BOOST_TEST(ended == 0);
        p.input().close();
        co_await test::until([&] { return ended == 10; });
        BOOST_TEST(aborted == 1);
    });
}

BOOST_AUTO_TEST_CASE(exit_codes_and_signals_are_told_apart)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process exits = execasio::spawn(ex, puppet("exit", "9"));
        process dies = execasio::spawn(ex, puppet("raise", "9"));
        process shell_like = execasio::spawn(ex, puppet("exit", "137"));
        exit_record how = co_await exits.wait();
        BOOST_TEST((how.exited() && !how.signaled() && how.code() == 9 && how.signal() == 0));
        BOOST_TEST(execasio::describe(how) == "exit code 9");
        how = co_await dies.wait();
        BOOST_TEST((!how.exited() && how.signaled() && how.code() == -1 && how.signal() == 9));
        BOOST_TEST(execasio::describe(how) == "signal 9 (SIGKILL)");
        BOOST_TEST(how.native_status() == 9);
        how = co_await shell_like.wait();
        BOOST_TEST((how.code() == 137 && how.signal() == 0));
        BOOST_TEST(how.cause() == execasio::end_cause::itself);
        BOOST_TEST(!how.stop_stage().has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_core_dump_is_told_as_wait_tells_it)
{
    char directory[] = "/tmp/execasio-test-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(directory));
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (std::string const size : {"0", "100000000"}) {
            command cmd = puppet("core-limit", size, "raise", std::to_string(SIGQUIT));
            cmd.directory(directory);
            process p = execasio::spawn(ex, cmd);
            exit_record const how = co_await p.wait();
            // One after the other: both write the same core file.
            process same = execasio::spawn(ex, cmd);
            int const status = reap_behind_its_back(same);
            same.detach();
            BOOST_TEST(how.signal() == SIGQUIT);
            BOOST_TEST(how.core_dumped() == bool(WCOREDUMP(status)));
            BOOST_TEST(how.native_status() == status);
            if (size == "0")
                BOOST_TEST(!how.core_dumped());
        }
    });
    std::filesystem::remove_all(directory);
}

BOOST_AUTO_TEST_CASE(times_are_the_childs_own)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        auto const before = std::chrono::steady_clock::now();
        process p = execasio::spawn(ex, puppet("spin", "60"));
        exit_record const how = co_await p.wait();
        auto const all = std::chrono::steady_clock::now() - before;
        BOOST_TEST(how.usage_known());
        BOOST_TEST((how.user_time() + how.system_time() >= 55ms));
        BOOST_TEST((how.user_time() + how.system_time() <= how.wall_time() + 20ms));
        BOOST_TEST((how.wall_time() >= 55ms));
        BOOST_TEST((how.wall_time() <= all));
        BOOST_TEST(how.peak_memory() > 0u);
    });
}

BOOST_AUTO_TEST_CASE(a_tracer_that_holds_the_zombie_delays_the_end_without_spinning)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "6");
        command holder = puppet("trace", std::to_string(p.id()));
        holder.input(stream::pipe).output(stream::pipe);
        process tracer = execasio::spawn(ex, holder);
        auto const word = co_await tracer.output().read_line();
        if (word.value() == "traced") {
            std::vector<int> codes;
            p.async_wait([&](error_code, exit_record const& how) { codes.push_back(how.code()); });
            co_await some_turns();
            p.input().close();
            co_await test::until([&] { return test::is_in_state(p.id(), 'Z'); });
            // Nothing happens in this time, which is the point: it is there to be measured.
            asio::steady_timer window(ex, 300ms);
            auto const cpu = test::own_cpu_time();
            co_await window.async_wait(asio::use_awaitable);
            BOOST_TEST((test::own_cpu_time() - cpu < 60ms));
            BOOST_TEST(codes.empty());
            BOOST_TEST(p.poll());
            tracer.input().close();
            exit_record const how = co_await p.wait();
            BOOST_TEST(how.code() == 6);
            co_await test::until([&] { return codes.size() == 1; });
        } else {
            BOOST_TEST_MESSAGE("skipped: ptrace is refused here");
            p.input().close();
            co_await p.wait();
            tracer.input().close();
        }
        co_await tracer.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_wait_that_is_given_up_while_a_tracer_holds_the_zombie_can_be_repeated)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "6");
        command holder = puppet("trace", std::to_string(p.id()));
        holder.input(stream::pipe).output(stream::pipe);
        process tracer = execasio::spawn(ex, holder);
        auto const word = co_await tracer.output().read_line();
        p.input().close();
        if (word.value() == "traced") {
            co_await test::until([&] { return test::is_in_state(p.id(), 'Z'); });
            for (int i = 0; i < 3; ++i) {
                asio::cancellation_signal signal;
                bool done = false;
                p.async_wait(asio::bind_cancellation_slot(
                    signal.slot(), [&](error_code ec, exit_record const&) {
                        done = true;
                        BOOST_TEST(ec == asio::error::operation_aborted);
                    }));
                co_await some_turns();
                signal.emit(asio::cancellation_type::terminal);
                co_await test::until([&] { return done; });
            }
        }
        tracer.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 6);
        co_await tracer.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_child_that_other_code_reaps_has_ended_all_the_same)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process bystander = spawn_gated(ex);
        for (bool const waiting : {false, true}) {
            process p = spawn_gated(ex, "exit", "8");
            error_code result;
            exit_record record;
            int done = 0;
            auto const note = [&](error_code ec, exit_record const& how) {
                result = ec;
                record = how;
                ++done;
            };
            if (waiting) {
                p.async_wait(note);
                co_await some_turns();
            }
            p.input().close();
            reap_behind_its_back(p);
            if (!waiting)
                p.async_wait(note);
            co_await test::until([&] { return done == 1; });
            if (result) {
                BOOST_TEST(result == errc::status_lost);
                BOOST_TEST(!p.record());
            } else { // the kernel remembers
                BOOST_TEST(record.code() == 8);
                BOOST_TEST(!record.usage_known());
                BOOST_TEST(!by_sigchld());
            }
            BOOST_TEST(!p.running());
            error_code ec;
            p.signal(SIGKILL, ec);
            BOOST_TEST(ec == errc::already_ended);
        }
        BOOST_TEST(!has_ended(bystander.id()));
        bystander.input().close();
        co_await bystander.wait();
    });
}

BOOST_AUTO_TEST_CASE(an_ignored_sigchld_loses_the_record_at_most)
{
    auto const before = ::signal(SIGCHLD, SIG_IGN);
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "3");
        p.input().close();
        BOOST_TEST(has_ended(p.id(), 10s));
        error_code result;
        bool done = false;
        exit_record record;
        p.async_wait([&](error_code ec, exit_record const& how) {
            result = ec;
            record = how;
            done = true;
        });
        co_await test::until([&] { return done; });
        if (result)
            BOOST_TEST(result == errc::status_lost);
        else
            BOOST_TEST((record.code() == 3 && !record.usage_known()));

        error_code ec;
        process const none = execasio::spawn(ex, command("/no/such/program"), ec);
        BOOST_TEST(ec.value() == ENOENT); // a failed launch waits for its child, too
    });
    ::signal(SIGCHLD, before);
}

BOOST_AUTO_TEST_CASE(an_ended_process_is_not_signalled)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const leader : {false, true}) {
            command cmd = puppet("await");
            cmd.input(stream::pipe);
            if (leader)
                cmd.group(process_group::create());
            process p = execasio::spawn(ex, cmd);
            error_code ec;
            p.signal(0, ec);
            BOOST_TEST(!ec);
            p.signal(99, ec);
            BOOST_TEST(ec.value() == EINVAL);
            p.input().close();
            await_zombie(p.id());
            p.signal(SIGKILL, ec); // no effect, no error: as kill(2)
            BOOST_TEST(!ec);
            exit_record const how = co_await p.wait();
            BOOST_TEST(how.code() == 0);
            p.signal(SIGKILL, ec);
            BOOST_TEST(ec == errc::already_ended);
            BOOST_CHECK_THROW(p.signal(0), boost::system::system_error);
            p.signal_group(SIGKILL, ec);
            BOOST_TEST(ec == (leader ? errc::already_ended : errc::no_process));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_signal_reaches_the_whole_group)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("fork", "ids", "pause-forever", "join", "pause-forever");
        cmd.output(stream::pipe).group(process_group::create());
        process p = execasio::spawn(ex, cmd);
        pid_t const descendant = co_await read_pid(p);
        BOOST_TEST(descendant != p.id());
        p.signal_group(SIGUSR1);
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGUSR1);
        BOOST_TEST(has_ended(descendant, 10s));

        process alone = spawn_gated(ex);
        error_code ec;
        alone.signal_group(SIGKILL, ec); // that would be this very program
        BOOST_TEST(ec == errc::no_process);
        alone.input().close();
        co_await alone.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_group_whose_leader_was_reaped_is_reached_or_left_alone)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("fork", "ids", "pause-forever", "join", "await");
        cmd.input(stream::pipe).output(stream::pipe).group(process_group::create());
        process p = execasio::spawn(ex, cmd);
        pid_t const descendant = co_await read_pid(p);
        p.input().close();
        co_await p.wait();
        BOOST_TEST(!has_ended(descendant));
        error_code ec;
        p.signal_group(SIGKILL, ec);
        if (ec) {
            BOOST_TEST(ec == errc::already_ended);
            ::kill(descendant, SIGKILL);
        }
        BOOST_TEST(has_ended(descendant, 10s));
    });
}

BOOST_AUTO_TEST_CASE(what_the_child_left_behind_gets_the_signal_at_its_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd =
            puppet("fork", "ignore", "1", "ids", "pause-forever", "join", "await", "exit", "2");
        cmd.input(stream::pipe).output(stream::pipe).group(process_group::create());
        cmd.group_signal_at_exit(SIGTERM);
        process p = execasio::spawn(ex, cmd);
        pid_t const descendant = co_await read_pid(p);
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 2);
        BOOST_TEST(has_ended(descendant, 10s));
    });
}

BOOST_AUTO_TEST_CASE(a_dropped_child_is_killed_with_its_group_and_reaped)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("fork", "ids", "pause-forever", "join", "pause-forever");
        cmd.output(stream::pipe).group(process_group::create());
        pid_t descendant = 0;
        pid_t child = 0;
        {
            process p = execasio::spawn(ex, cmd);
            child = p.id();
            descendant = co_await read_pid(p);
        }
        BOOST_TEST(has_ended(descendant, 10s));
        BOOST_TEST(has_ended(child, 10s));
    }); // and the fixture finds no zombie
}

BOOST_AUTO_TEST_CASE(a_wait_outlives_the_process_object)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        exit_record record;
        {
            process p = execasio::spawn(ex, puppet("pause-forever"));
            p.async_wait([&](error_code, exit_record const& how) { record = how; });
        }
        co_await test::until([&] { return record.known(); });
        BOOST_TEST(record.signal() == SIGKILL);
        BOOST_TEST(record.cause() == execasio::end_cause::dropped);
    });
}

BOOST_AUTO_TEST_CASE(a_detached_child_goes_on_and_is_reaped_in_the_end)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        command cmd = puppet("await");
        cmd.input(stream::descriptor(ends[0]));
        process p = execasio::spawn(ex, cmd);
        pid_t const first = p.id();
        p.detach();
        BOOST_TEST(!p.valid());
        cmd.on_destroy(lifetime::detach);
        pid_t second = 0;
        {
            process const q = execasio::spawn(ex, cmd);
            second = q.id();
        }
        BOOST_TEST(!has_ended(first));
        BOOST_TEST(!has_ended(second));
        ::close(ends[0]);
        ::close(ends[1]);
        await_zombie(first);
        await_zombie(second);
        process last = execasio::spawn(ex, puppet());
        co_await last.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_surviving_child_outlives_the_program)
{
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    std::string const failure = test::failure_in_fork([&ends] {
        asio::io_context context;
        command cmd = puppet("ids", "pause-forever");
        cmd.output(stream::descriptor(ends[1])).on_destroy(lifetime::survive);
        process const p = execasio::spawn(context.get_executor(), cmd);
    });
    BOOST_TEST(failure == "");
    ::close(ends[1]);
    char text[64] = {};
    BOOST_REQUIRE(::read(ends[0], text, sizeof text - 1) > 0);
    auto const pid = static_cast<pid_t>(std::strtol(text, nullptr, 10));
    BOOST_TEST(!has_ended(pid, 20ms));
    BOOST_REQUIRE(pid > 1);
    ::kill(pid, SIGKILL);
    BOOST_TEST(has_ended(pid, 10s));
    ::close(ends[0]);
}

BOOST_AUTO_TEST_CASE(assignment_drops_the_old_process)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = execasio::spawn(ex, puppet("pause-forever"));
        process q = spawn_gated(ex, "exit", "1");
        pid_t const first = p.id();
        pid_t const second = q.id();
        p = std::move(q);
        BOOST_TEST(has_ended(first, 10s));
        BOOST_TEST(p.id() == second);
        BOOST_TEST(q.id() == 0); // NOLINT: the state after a move is specified
        process& self = p;
        p = std::move(self);
        BOOST_TEST(p.id() == second);
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 1);
    });
}

BOOST_AUTO_TEST_CASE(an_empty_object_says_so)
{
    process p;
    BOOST_TEST(!p.valid());
    BOOST_TEST(p.id() == 0);
    BOOST_TEST(p.group() == 0);
    BOOST_TEST(!p.running());
    BOOST_TEST(!p.poll());
    BOOST_TEST(!p.record());
    error_code ec;
    p.signal(SIGTERM, ec);
    BOOST_TEST(ec == errc::no_process);
    p.signal_group(SIGTERM, ec);
    BOOST_TEST(ec == errc::no_process);
    auto const holds_none = [](boost::system::system_error const& e) {
        return e.code() == errc::no_process;
    };
    BOOST_CHECK_EXCEPTION(p.output().close(), boost::system::system_error, holds_none);
    BOOST_CHECK_EXCEPTION(static_cast<void>(p.get_executor()), boost::system::system_error,
                          holds_none);
    BOOST_CHECK_EXCEPTION(p.async_wait([](error_code, exit_record const&) {}),
                          boost::system::system_error, holds_none);
    p.on_destroy(lifetime::survive);
    p.detach();
    run_coroutine([&]() -> asio::awaitable<void> {
        error_code thrown;
        try {
            co_await p.wait();
        } catch (boost::system::system_error const& e) {
            thrown = e.code();
        }
        BOOST_TEST(thrown == errc::no_process);
    });
}

BOOST_AUTO_TEST_CASE(a_context_may_go_with_everything_pending)
{
    std::vector<pid_t> pids;
    {
        asio::io_context context;
        auto const ex = context.get_executor();
        int handlers = 0;
        auto const body = [&]() -> asio::awaitable<void> { // holds its process to the end
            command cmd = puppet("pause-forever");
            cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
            process p = execasio::spawn(ex, cmd);
            pids.push_back(p.id());
            p.async_wait([&](error_code, exit_record const&) { ++handlers; });
            asio::awaitable<std::string> reading = p.output().read_all();
            asio::co_spawn(ex, std::move(reading), [&](auto...) { ++handlers; });
            co_await p.wait();
        };
        auto const unwatched = [&]() -> asio::awaitable<void> {
            process p = execasio::spawn(ex, puppet("pause-forever"));
            pids.push_back(p.id());
            asio::steady_timer never(ex, asio::steady_timer::time_point::max());
            co_await never.async_wait(asio::use_awaitable);
        };
        asio::co_spawn(ex, body, [&](std::exception_ptr) { ++handlers; });
        asio::co_spawn(ex, unwatched, [&](std::exception_ptr) { ++handlers; });
        context.poll();
        BOOST_TEST(pids.size() == 2u);
        BOOST_TEST(handlers == 0);
    }
    for (pid_t const pid : pids)
        BOOST_TEST(has_ended(pid, 10s));
    run_coroutine([]() -> asio::awaitable<void> {
        process p = execasio::spawn(co_await asio::this_coro::executor, puppet());
        co_await p.wait();
    }); // has reaped them: the fixture finds no zombie
}

BOOST_AUTO_TEST_CASE(the_only_process_of_a_context_may_never_have_been_waited_for)
{
    pid_t pid = 0;
    {
        asio::io_context context;
        auto const ex = context.get_executor();
        auto const body = [&]() -> asio::awaitable<void> {
            process p = execasio::spawn(ex, puppet("pause-forever"));
            pid = p.id();
            asio::steady_timer never(ex, asio::steady_timer::time_point::max());
            co_await never.async_wait(asio::use_awaitable);
        };
        asio::co_spawn(ex, body, [](std::exception_ptr) {});
        context.poll();
    }
    BOOST_TEST(has_ended(pid, 10s));
    run_coroutine([]() -> asio::awaitable<void> {
        process p = execasio::spawn(co_await asio::this_coro::executor, puppet());
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(poll_does_without_a_running_context)
{
    asio::io_context context;
    process p = spawn_gated(context.get_executor(), "exit", "2");
    BOOST_TEST(p.poll());
    p.input().close();
    await_zombie(p.id());
    BOOST_TEST(p.running()); // nobody has looked
    BOOST_TEST(!p.poll());
    BOOST_TEST(p.record().value().code() == 2);
}

BOOST_AUTO_TEST_CASE(a_process_nobody_waits_for_does_not_keep_the_context_running)
{
    asio::io_context context;
    process p = spawn_gated(context.get_executor());
    BOOST_TEST(context.run() == 0u);
    asio::cancellation_signal signal;
    p.async_wait(
        asio::bind_cancellation_slot(signal.slot(), [](error_code, exit_record const&) {}));
    context.restart();
    context.poll();
    BOOST_TEST(!context.stopped());
    signal.emit(asio::cancellation_type::total);
    context.run_for(scaled(10s));
    BOOST_TEST(context.stopped());
    p.input().close();
    await_zombie(p.id());
    BOOST_TEST(!p.poll());
}

BOOST_AUTO_TEST_CASE(children_of_other_code_stay_theirs)
{
    pid_t const zombie = ::fork();
    if (zombie == 0)
        std::_Exit(5);
    pid_t const runner = ::fork();
    if (runner == 0)
        for (;;)
            ::pause();
    await_zombie(zombie);
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "1");
        bool done = false;
        p.async_wait([&](error_code, exit_record const& how) {
            BOOST_TEST(how.code() == 1);
            done = true;
        });
        std::vector<process> others;
        for (int i = 0; i < 20; ++i)
            others.push_back(execasio::spawn(ex, puppet("exit", "2")));
        for (process& other : others) {
            exit_record const how = co_await other.wait();
            BOOST_TEST(how.code() == 2);
        }
        // A time to be measured in, with the zombie in the way.
        asio::steady_timer window(ex, 200ms);
        auto const cpu = test::own_cpu_time();
        co_await window.async_wait(asio::use_awaitable);
        BOOST_TEST((test::own_cpu_time() - cpu < 60ms));
        BOOST_TEST(!done);
        p.input().close();
        co_await test::until([&] { return done; });
    });
    int status = 0;
    BOOST_TEST(::waitpid(zombie, &status, WNOHANG) == zombie);
    BOOST_TEST(WEXITSTATUS(status) == 5);
    BOOST_TEST(!has_ended(runner));
    ::kill(runner, SIGKILL);
    BOOST_TEST(::waitpid(runner, &status, 0) == runner);
}

BOOST_AUTO_TEST_CASE(many_ends_at_once_are_all_seen)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        command cmd = puppet("await", "exit", "1");
        cmd.input(stream::descriptor(ends[0]));
        std::vector<process> all;
        int sum = 0;
        for (int i = 0; i < 100; ++i) {
            all.push_back(execasio::spawn(ex, cmd));
            all.back().async_wait([&](error_code, exit_record const& how) { sum += how.code(); });
        }
        co_await some_turns();
        BOOST_TEST(sum == 0);
        ::close(ends[0]);
        ::close(ends[1]);
        co_await test::until([&] { return sum == 100; });
    });
}

BOOST_AUTO_TEST_SUITE_END()
