#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/family.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <string>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::end_cause;
using execasio::error_code;
using execasio::run_options;
using execasio::run_result;
using execasio::stream;
using test::error_of;
using test::has_ended;
using test::numbers_below;
using test::pipe_ends;
using test::puppet;
using test::read_pid;
using test::reader_of;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(running, test::no_leaks)

BOOST_AUTO_TEST_CASE(what_a_command_prints_is_captured)
{
    run_coroutine([]() -> asio::awaitable<void> {
        run_result const result =
            co_await execasio::run(puppet("say", "o", "err", "e", "print", "p", "exit", "3"));
        BOOST_TEST(result.how.code() == 3);
        BOOST_TEST(result.output.text == "o\np");
        BOOST_TEST(result.error.text == "e\n");
        BOOST_TEST(result.output.total == 3u);
        BOOST_TEST((!result.output.truncated() && !result.output.held && !result.error.held));
        BOOST_TEST(result.how.cause() == end_cause::itself);
    });
}

BOOST_AUTO_TEST_CASE(both_streams_may_be_large)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command shell = command::shell("\"$0\" lines 200000 & \"$0\" lines 100000 >&2; wait");
        shell.argument(test::puppet_path());
        run_result const result = co_await execasio::run(shell);
        BOOST_TEST(result.how.success());
        BOOST_TEST((result.output.text == numbers_below(200000)));
        BOOST_TEST((result.error.text == numbers_below(100000)));
    });
}

BOOST_AUTO_TEST_CASE(what_exceeds_the_limit_is_counted_and_dropped)
{
    run_coroutine([]() -> asio::awaitable<void> {
        run_result result = co_await execasio::run(puppet("write", "1000000", "err", "e"),
                                                   run_options().output_limit(1000));
        BOOST_TEST(result.how.success()); // it was not held up
        BOOST_TEST(result.output.text == std::string(1000, 'x'));
        BOOST_TEST(result.output.total == 1000000u);
        BOOST_TEST(result.output.truncated());
        BOOST_TEST(!result.error.truncated());

        result = co_await execasio::run(puppet("write", "1000"), run_options().output_limit(1000));
        BOOST_TEST(!result.output.truncated());
        result = co_await execasio::run(puppet("write", "1000"), run_options().output_limit(0));
        BOOST_TEST((result.output.text.empty() && result.output.total == 1000));
    });
}

BOOST_AUTO_TEST_CASE(input_is_given_whole_and_then_ends)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const text = numbers_below(100000);
        run_result result = co_await execasio::run(puppet("cat"), run_options().input(text));
        BOOST_TEST((result.output.text == text));
        result = co_await execasio::run(puppet("count"), run_options().input(""));
        BOOST_TEST(result.output.text == "0\n");
        result = co_await execasio::run(puppet("link", "0")); // none given
        BOOST_TEST(result.output.text == "/dev/null\n");
    });
}

BOOST_AUTO_TEST_CASE(input_that_nobody_reads_is_no_failure)
{
    run_coroutine([]() -> asio::awaitable<void> {
        run_result result = co_await execasio::run(
            puppet("say", "x", "exit", "5"), run_options().input(std::string(5'000'000, 'i')));
        BOOST_TEST(result.how.code() == 5);
        BOOST_TEST(result.output.text == "x\n");
        // Nor is it when a descendant holds the input open without ever reading it.
        command cmd = puppet("fork", "close", "1", "close", "2", "pause-forever", "join", "ids");
        cmd.group(execasio::process_group::create());
        result = co_await execasio::run(cmd, run_options().input(std::string(5'000'000, 'i')));
        BOOST_TEST(result.how.code() == 0);
        auto const group = static_cast<pid_t>(std::stol(result.output.text));
        BOOST_TEST(::kill(-group, SIGKILL) == 0);
    });
}

BOOST_AUTO_TEST_CASE(streams_that_go_elsewhere_are_not_captured)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("say", "o", "err", "e");
        cmd.output(stream::null);
        run_result const result = co_await execasio::run(cmd);
        BOOST_TEST(result.output.total == 0u);
        BOOST_TEST(result.error.text == "e\n");
    });
}

BOOST_AUTO_TEST_CASE(a_time_limit_stops_the_process_by_the_plan)
{
    run_coroutine([]() -> asio::awaitable<void> {
        run_result result;
        // Until it was given the processor for long enough to say something.
        for (auto limit = 30ms; result.output.text.empty() && limit < 10s; limit *= 2) {
            result = co_await execasio::run(puppet("say", "x", "pause-forever"),
                                            run_options().time_limit(limit));
            BOOST_TEST(result.how.signal() == SIGTERM);
            BOOST_TEST(result.how.cause() == end_cause::time_limit);
            BOOST_TEST(result.how.stop_stage().value() == 0u);
            BOOST_TEST((result.how.wall_time() >= limit));
        }
        BOOST_TEST(result.output.text == "x\n");

        auto const plan = execasio::stop_plan().grace(10ms);
        result = run_result();
        // Until it was given the processor for long enough to be deaf.
        for (auto limit = 100ms; result.output.text.empty() && limit < 10s; limit *= 2)
            result = co_await execasio::run(puppet("ignore", "15", "say", "x", "pause-forever"),
                                            run_options().time_limit(limit).stop(plan));
        BOOST_TEST(result.how.signal() == SIGKILL);
        BOOST_TEST(result.how.cause() == end_cause::time_limit);
        BOOST_TEST(result.how.stop_stage().value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(the_longest_times_mean_no_limit)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (auto const longest :
             {run_options::duration(test::never), run_options::duration::max()}) {
            pipe_ends pipe;
            run_options options;
            options.time_limit(longest).drain(longest);
            // A descendant that ends on its own and says something after the process's end.
            command cmd = puppet("fork", "await", "say", "late", "exit", "0", "join", "say",
                                 "early", "exit", "2");
            cmd.input(stream::descriptor(pipe.reader()));
            bool done = false;
            run_result result;
            asio::co_spawn(ex, execasio::run(cmd, options),
                           [&](std::exception_ptr e, run_result r) {
                               BOOST_TEST(!e);
                               result = std::move(r);
                               done = true;
                           });
            co_await test::until([] { return !test::has_children(); }); // it has been reaped
            for (int i = 0; i < 20; ++i)
                co_await asio::post(ex, asio::use_awaitable);
            BOOST_TEST(!done);
            pipe.close_writer();
            co_await test::until([&] { return done; });
            BOOST_TEST(result.how.code() == 2);
            BOOST_TEST(result.how.cause() == end_cause::itself);
            BOOST_TEST(result.output.text == "early\nlate\n");
            BOOST_TEST(!result.output.held);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_descendant_that_holds_a_pipe_is_awaited_so_long_and_told)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("fork", "close", "2", "ids", "pause-forever", "join", "exit", "1");
        cmd.group(execasio::process_group::create());
        auto const before = std::chrono::steady_clock::now();
        run_result const result = co_await execasio::run(cmd, run_options().drain(200ms));
        BOOST_TEST((std::chrono::steady_clock::now() - before >= 200ms));
        BOOST_TEST(result.how.code() == 1);
        BOOST_TEST(result.output.held);
        BOOST_TEST(!result.error.held);                                // that one it has closed
        BOOST_TEST(result.output.text.find(' ') != std::string::npos); // its own words arrived
        auto const descendant = static_cast<pid_t>(std::stol(result.output.text));
        ::kill(descendant, SIGKILL);
        BOOST_TEST(has_ended(descendant, 10s));
    });
}

BOOST_AUTO_TEST_CASE(what_was_written_by_the_end_is_there_whole_though_nothing_is_awaited)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const expected = numbers_below(150000);
        for (int i = 0; i < 10; ++i) {
            command cmd = puppet("fork", "pause-forever", "join", "lines", "150000", "raise", "9");
            cmd.group(execasio::process_group::create()).group_signal_at_exit(SIGKILL);
            run_result const result = co_await execasio::run(cmd, run_options().drain(0ms));
            BOOST_TEST(result.how.signal() == SIGKILL);
            BOOST_TEST((result.output.text == expected));
        }
    });
}

BOOST_AUTO_TEST_CASE(
    a_descendant_that_writes_for_ever_is_cut_off_and_nothing_before_that_is_missing)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const block = numbers_below(10007);
        for (int i = 0; i < 10; ++i) {
            command cmd = puppet("fork", "repeat-lines", "10007", "join", "exit", "1");
            run_options options;
            options.drain(10ms).output_limit(1'000'000'000);
            run_result const result = co_await execasio::run(cmd, options);
            BOOST_TEST(result.how.code() == 1);
            BOOST_TEST(result.output.held);
            std::string const& text = result.output.text;
            BOOST_TEST(result.output.total == text.size());
            bool in_order = true;
            for (std::size_t at = 0; at < text.size(); at += block.size()) {
                std::size_t const size = std::min(block.size(), text.size() - at);
                in_order = in_order && text.compare(at, size, block, 0, size) == 0;
            }
            BOOST_TEST(in_order);
        }
    }); // and the writers have ended by SIGPIPE
}

BOOST_AUTO_TEST_CASE(cancelling_kills_the_process)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends pipe;
        command cmd = puppet("ignore", "15", "ids", "pause-forever");
        cmd.error(stream::descriptor(pipe.writer()));
        cmd.merge_output();
        asio::cancellation_signal signal;
        bool cancelled = false;
        asio::co_spawn(ex, execasio::run(cmd, run_options().input(std::string(1'000'000, 'x'))),
                       asio::bind_cancellation_slot(signal.slot(),
                                                    [&](std::exception_ptr e, run_result const&) {
                                                        BOOST_TEST(bool(e));
                                                        cancelled = true;
                                                    }));
        execasio::output_stream out = reader_of(ex, pipe);
        pid_t const pid = co_await read_pid(out);
        signal.emit(asio::cancellation_type::terminal);
        co_await test::until([&] { return cancelled; });
        BOOST_TEST(has_ended(pid, 10s));
    });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_started_is_an_error_of_run)
{
    run_coroutine([]() -> asio::awaitable<void> {
        error_code const ec = co_await error_of(execasio::run(command("/no/such/program")));
        BOOST_TEST(ec.value() == ENOENT);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_for_a_group_is_over_when_the_group_is_empty)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const word = test::family_word();
        command cmd =
            puppet("fork", "ignore", "15", "pause-forever", "join", "pause-forever", word);
        cmd.output(execasio::stream::null).group(execasio::process_group::create());
        run_options options;
        options.guards(execasio::time_guards().run_time(100ms))
            .stop(execasio::stop_plan().grace(50ms).target(execasio::stop_target::group));
        run_result const result = co_await execasio::run(cmd, options);
        BOOST_TEST(result.how.signal() == SIGTERM);
        BOOST_TEST(test::processes_with_word(word).empty());
    });
}

BOOST_AUTO_TEST_CASE(a_command_on_a_terminal_stays_there)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd("tty");
        cmd.terminal(execasio::terminal_options());
        run_result const result = co_await execasio::run(cmd);
        BOOST_TEST(result.how.code() == 0);
        BOOST_TEST(result.output.text.starts_with("/dev/pts/"));
    });
}

BOOST_AUTO_TEST_SUITE_END()
