#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/input_queue.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::stream;
using execasio::terminal_options;
using test::puppet;
using test::run_coroutine;

namespace {

/// A line without the '\r' that a terminal puts in front of '\n'.
asio::awaitable<std::string> line_of(execasio::output_stream stream)
{
    auto line = co_await stream.read_line();
    BOOST_REQUIRE(line.has_value());
    std::erase(*line, '\r');
    co_return *line;
}

command on_terminal(command cmd, terminal_options options = terminal_options())
{
    cmd.terminal(std::move(options));
    return cmd;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(terminal, test::no_leaks)

BOOST_AUTO_TEST_CASE(is_the_childs_controlling_terminal_in_a_session_of_its_own)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command const cmd = on_terminal(puppet("ids", "fds", "controlling-terminal"));
        execasio::process p = execasio::spawn(ex, cmd);
        std::string const id = std::to_string(p.id());
        BOOST_TEST(co_await line_of(p.output()) == id + " " + id + " " + id);
        BOOST_TEST(co_await line_of(p.output()) == "0 1 2");
        BOOST_TEST(co_await line_of(p.output()) == "yes");
        BOOST_TEST(p.group() == p.id());
        auto const end = co_await p.output().read_line(); // EIO, which is the end of a terminal
        BOOST_TEST(!end.has_value());
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(has_a_sensible_size_which_can_be_changed_while_it_runs)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::string const change = std::to_string(SIGWINCH);
        command const cmd = on_terminal(
            puppet("block", change, "window", "await-signal", change, "window", "pause"));
        execasio::process p = execasio::spawn(ex, cmd);
        BOOST_TEST(co_await line_of(p.output()) == "24 80");
        p.terminal().resize({50, 132});
        BOOST_TEST(co_await line_of(p.output()) == "sig28");
        BOOST_TEST(co_await line_of(p.output()) == "50 132");
        BOOST_TEST(p.terminal().size().columns == 132);
        p.signal(SIGKILL);
        co_await p.wait();

        terminal_options small;
        small.size({3, 7});
        command const other = on_terminal(puppet("window"), small);
        p = execasio::spawn(ex, other);
        BOOST_TEST(co_await line_of(p.output()) == "3 7");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(echo_is_set_before_the_child_can_write)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int i = 0; i < 2; ++i) {
            bool const echo = i != 0;
            terminal_options options;
            options.echo(echo);
            command const cmd = on_terminal(puppet("cat"), options);
            execasio::process p = execasio::spawn(ex, cmd);
            // At once: nothing waits until the child runs.
            std::string const text = "typed\n";
            co_await p.input().write(asio::buffer(text));
            co_await p.input().finish();
            std::string all = co_await p.output().read_all();
            std::erase(all, '\r');
            BOOST_TEST(all == (echo ? "typed\ntyped\n" : "typed\n"));
            co_await p.wait();
        }
    });
}

BOOST_AUTO_TEST_CASE(the_end_of_input_is_a_character_and_no_hangup)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::array<std::string, 3> const texts{"", "line\n", "unfinished"};
        for (std::string const& text : texts) {
            terminal_options options;
            options.echo(false).mode("veof", 5);
            command const cmd = on_terminal(puppet("count", "say", "alive"), options);
            execasio::process p = execasio::spawn(ex, cmd);
            co_await p.input().write(asio::buffer(text));
            co_await p.input().finish();
            BOOST_TEST(co_await line_of(p.output()) == std::to_string(text.size()));
            BOOST_TEST(co_await line_of(p.output()) == "alive");
            execasio::exit_record const how = co_await p.wait();
            BOOST_TEST(how.code() == 0);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_queue_ends_a_terminals_input_the_same_way)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        terminal_options options;
        options.echo(false);
        command const cmd = on_terminal(puppet("count", "say", "alive"), options);
        execasio::process p = execasio::spawn(ex, cmd);
        execasio::input_queue queue(p.input());
        BOOST_TEST(!queue.push("some text\n"));
        queue.finish();
        BOOST_TEST(co_await line_of(p.output()) == "10");
        BOOST_TEST(co_await line_of(p.output()) == "alive");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(dropping_all_that_holds_it_is_a_hangup)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command const cmd = on_terminal(puppet("say", "ready", "pause"));
        execasio::process p = execasio::spawn(ex, cmd);
        BOOST_TEST(co_await line_of(p.output()) == "ready");
        p.input() = execasio::input_stream();
        p.output() = execasio::output_stream();
        p.terminal() = execasio::pseudo_terminal();
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.signal() == SIGHUP);
    });
}

BOOST_AUTO_TEST_CASE(closing_one_direction_does_not_disturb_the_other)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command const cmd =
            on_terminal(puppet("block", "10", "say", "ready", "await-signal", "10"));
        execasio::process p = execasio::spawn(ex, cmd);
        BOOST_TEST(co_await line_of(p.output()) == "ready");
        asio::post(ex, [&] { // while the read below is waiting
            p.input().close();
            p.signal(SIGUSR1);
        });
        BOOST_TEST(co_await line_of(p.output()) == "sig10");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(standard_error_can_be_kept_apart)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = on_terminal(puppet("say", "o", "err", "e"));
        cmd.error(stream::pipe);
        execasio::process p = execasio::spawn(ex, cmd);
        BOOST_TEST(co_await line_of(p.output()) == "o");
        BOOST_TEST((co_await p.error().read_line()).value() == "e");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(every_mode_of_the_rfc_is_set_and_read_by_its_name)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command const cmd = on_terminal(puppet("pause"));
        execasio::process p = execasio::spawn(ex, cmd);
        // RFC 4254, section 8, by kind.
        for (char const* const name :
             {"vintr", "vquit", "verase", "vkill", "veof", "veol", "veol2", "vstart", "vstop",
              "vsusp", "vreprint", "vwerase", "vlnext", "vswtch", "vdiscard"}) {
            BOOST_TEST_CONTEXT(name)
            {
                p.terminal().mode({name, 7});
                BOOST_TEST(p.terminal().mode(name) == 7);
            }
        }
        for (char const* const name :
             {"ignpar", "parmrk", "inpck", "istrip",  "inlcr",  "igncr",  "icrnl",  "iuclc",
              "ixon",   "ixany",  "ixoff", "imaxbel", "iutf8",  "isig",   "icanon", "xcase",
              "echo",   "echoe",  "echok", "echonl",  "noflsh", "tostop", "iexten", "echoctl",
              "echoke", "pendin", "opost", "olcuc",   "onlcr",  "ocrnl",  "onocr",  "onlret"}) {
            BOOST_TEST_CONTEXT(name)
            {
                for (int const value : {1, 0, 1}) {
                    p.terminal().mode({name, value});
                    BOOST_TEST(p.terminal().mode(name) == value);
                }
            }
        }
        for (std::int64_t const speed : {9600, 12345, 576000, 4000000}) {
            p.terminal().mode({"tty_op_ispeed", speed});
            p.terminal().mode({"tty_op_ospeed", speed});
            BOOST_TEST(p.terminal().mode("tty_op_ospeed") == speed);
        }
        // Other programs know speeds by these (termios(3)).
        for (auto const& [speed, code] : {std::pair(9600, B9600), std::pair(4000000, B4000000)}) {
            p.terminal().mode({"tty_op_ospeed", speed});
            termios seen{};
            BOOST_TEST(::tcgetattr(p.terminal().native_handle(), &seen) == 0);
            BOOST_TEST(::cfgetospeed(&seen) == static_cast<unsigned>(code));
        }
        p.signal(SIGKILL);
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_mode_that_is_none_or_a_value_it_cannot_have_is_an_error)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command const cmd = on_terminal(puppet("pause"));
        execasio::process p = execasio::spawn(ex, cmd);
        for (execasio::terminal_mode const& mode :
             {execasio::terminal_mode{"nonsense", 1}, execasio::terminal_mode{"vdsusp", 1},
              execasio::terminal_mode{"echo", 2}, execasio::terminal_mode{"vintr", 256},
              execasio::terminal_mode{"vintr", -1}}) {
            execasio::error_code ec;
            p.terminal().mode(mode, ec);
            BOOST_CHECK(ec == execasio::errc::bad_terminal_mode);
        }
        p.signal(SIGKILL);
        co_await p.wait();

        terminal_options lacking; // of the RFC, but not of Linux: ignored before the start
        lacking.mode("vdsusp", 1);
        command const fine = on_terminal(puppet("say", "x"), lacking);
        p = execasio::spawn(ex, fine);
        co_await p.wait();

        terminal_options wrong;
        wrong.mode("nonsense", 1);
        command const refused = on_terminal(puppet("say", "x"), wrong);
        execasio::error_code ec;
        execasio::process const none = execasio::spawn(ex, refused, ec);
        BOOST_CHECK(ec == execasio::errc::bad_terminal_mode);
        BOOST_TEST(!none.valid());
    });
}

BOOST_AUTO_TEST_CASE(no_other_child_holds_the_master)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command const first = on_terminal(puppet("say", "ready", "pause"));
        execasio::process p = execasio::spawn(ex, first);
        BOOST_TEST(co_await line_of(p.output()) == "ready");
        command second = puppet("fds");
        second.output(stream::pipe);
        execasio::process other = execasio::spawn(ex, second);
        BOOST_TEST((co_await other.output().read_line()).value() == "0 1 2");
        co_await other.wait();
        p.signal(SIGKILL);
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_program_without_a_controlling_terminal_gets_none)
{
    BOOST_TEST(test::failure_in_fork([] {
                   ::setsid(); // a leader gets the first terminal that it opens, unless it says no
                   asio::io_context context(1);
                   command const cmd = on_terminal(puppet("pause-forever"));
                   execasio::process const p = execasio::spawn(context.get_executor(), cmd);
                   int const own = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
                   test::ensure(own < 0 && errno == ENXIO, "there is one");
               }) == "");
}

BOOST_AUTO_TEST_CASE(no_byte_is_lost_when_the_child_writes_and_ends_at_once)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int i = 0; i < 100; ++i) {
            command const cmd = on_terminal(puppet("write", "3000"));
            execasio::process p = execasio::spawn(ex, cmd);
            co_await p.wait(); // reading comes after the reap
            std::string const all = co_await p.output().read_all();
            BOOST_TEST(all.size() == 3000u);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_process_without_one_says_so)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        execasio::process p = execasio::spawn(ex, puppet("exit", "0"));
        execasio::error_code ec;
        p.terminal().resize({1, 1}, ec);
        BOOST_CHECK(ec == execasio::errc::no_terminal);
        BOOST_CHECK_THROW(static_cast<void>(p.terminal().size()), boost::system::system_error);
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(modes_are_known_by_their_names)
{
    using kind = execasio::terminal_mode_info::kind;
    auto const veof = execasio::find_terminal_mode("veof");
    BOOST_REQUIRE(veof.has_value());
    BOOST_CHECK(veof->what == kind::character);
    BOOST_TEST(veof->supported);
    BOOST_TEST(veof->highest() == 255);
    auto const vstatus = execasio::find_terminal_mode("vstatus");
    BOOST_REQUIRE(vstatus.has_value());
    BOOST_CHECK(vstatus->what == kind::character);
    BOOST_TEST(!vstatus->supported);
    for (char const* const flag : {"echo", "icrnl", "opost", "cs8", "parenb"}) {
        auto const mode = execasio::find_terminal_mode(flag);
        BOOST_REQUIRE(mode.has_value());
        BOOST_CHECK(mode->what == kind::flag);
        BOOST_TEST(mode->supported);
        BOOST_TEST(mode->highest() == 1);
    }
    auto const speed = execasio::find_terminal_mode("tty_op_ispeed");
    BOOST_REQUIRE(speed.has_value());
    BOOST_CHECK(speed->what == kind::speed);
    BOOST_TEST(speed->highest() == 0xffffffff);
    BOOST_TEST(!execasio::find_terminal_mode("ECHO").has_value());
    BOOST_TEST(!execasio::find_terminal_mode("").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
