#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/initializers.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/process/v2/start_dir.hpp>
#include <boost/process/v2/stdio.hpp>

#include <cerrno>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace bp = boost::process::v2;
using execasio::command;
using execasio::error_code;
using execasio::process;
using execasio::stage;
using execasio::stream;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;

namespace {

/// Writes down what is called, and can be made to fail.
struct recorder {
    using launcher = bp::posix::default_launcher;
    using path = bp::filesystem::path;

    std::string calls;
    int in_setup = 0;
    int in_child = 0;
    pid_t pid = 0;
    error_code error;

    error_code on_setup(launcher&, path const&, char const* const*& argv)
    {
        calls += std::string("setup(") + argv[1] + ") ";
        return {in_setup, boost::system::system_category()};
    }
    error_code on_exec_setup(launcher&, path const&, char const* const*&)
    {
        return {in_child, boost::system::system_category()};
    }
    void on_success(launcher& l, path const&, char const* const*&)
    {
        calls += "success ";
        pid = l.pid;
    }
    void on_error(launcher&, path const&, char const* const*&, error_code const& ec)
    {
        calls += "error ";
        error = ec;
    }
};

/// Swaps the arguments and the environment.
struct rewriter {
    char const* words[4] = {"puppet", "getenv", "ONLY", nullptr};
    char const* variables[2] = {"ONLY=this", nullptr};

    error_code on_setup(bp::posix::default_launcher& launcher, bp::filesystem::path const&,
                        char const* const*& argv)
    {
        argv = words;
        launcher.env = variables;
        return {};
    }
};

std::pair<stage, int> failure_with(command const& cmd, recorder& first, recorder& second)
{
    asio::io_context context;
    try {
        process const p = execasio::spawn(context.get_executor(), cmd, first, second);
        BOOST_ERROR("the spawn succeeded");
    } catch (execasio::spawn_error const& e) {
        return {e.where(), e.code().value()};
    }
    return {};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(initializers, test::no_leaks)

BOOST_AUTO_TEST_CASE(stock_ones_of_boost_process_take_part)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        pipe_ends out;
        pipe_ends in;
        in.write("input");
        in.close_writer();
        bp::process_start_dir const start("/");
        bp::process_start_dir directory = start;
        bp::process_stdio streams{in.reader(), out.writer(), nullptr};
        process p =
            execasio::spawn(ex, puppet("pwd", "link", "2", "fds", "cat"), directory, streams);
        out.close_writer();
        execasio::output_stream reader = test::reader_of(ex, out);
        std::string const text = co_await reader.read_all();
        BOOST_TEST(text == "/\n/dev/null\n0 1 2\ninput");
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.success());
    });
}

BOOST_AUTO_TEST_CASE(hooks_are_called_in_order_and_told_the_outcome)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        recorder hooks;
        process p = execasio::spawn(ex, puppet("exit", "2"), hooks);
        BOOST_TEST(hooks.calls == "setup(exit) success ");
        BOOST_TEST(hooks.pid == p.id());
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 2);
    });
}

BOOST_AUTO_TEST_CASE(arguments_and_environment_can_be_replaced)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = puppet("say", "original");
        cmd.output(stream::pipe);
        rewriter changes;
        process p = execasio::spawn(ex, cmd, changes);
        std::string const text = co_await p.output().read_all();
        BOOST_TEST(text == "=this\n");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_refusal_before_the_launch_is_reported)
{
    recorder first;
    recorder second;
    second.in_setup = EDOM;
    BOOST_TEST((failure_with(puppet("x"), first, second) == std::pair(stage::initializer, EDOM)));
    BOOST_TEST(first.calls == "setup(x) error ");
    BOOST_TEST(second.calls == "setup(x) error ");
    BOOST_TEST(first.error.value() == EDOM);
}

BOOST_AUTO_TEST_CASE(a_refusal_in_the_child_is_reported)
{
    recorder first;
    recorder second;
    second.in_child = ERANGE;
    BOOST_TEST((failure_with(puppet("x"), first, second) == std::pair(stage::initializer, ERANGE)));
    BOOST_TEST(first.calls == "setup(x) error ");
    BOOST_TEST(second.error.value() == ERANGE);

    bp::process_start_dir nowhere("/no/such/directory");
    asio::io_context context;
    try {
        process const p = execasio::spawn(context.get_executor(), puppet(), nowhere);
        BOOST_ERROR("the spawn succeeded");
    } catch (execasio::spawn_error const& e) {
        BOOST_TEST(e.where() == stage::initializer);
        BOOST_TEST(e.code().value() == ENOENT);
    }
}

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_told_to_the_hooks)
{
    recorder first;
    recorder second;
    command const cmd("/no/such/program", "x");
    BOOST_TEST((failure_with(cmd, first, second) == std::pair(stage::exec, ENOENT)));
    BOOST_TEST(first.calls == "setup(x) error ");
    BOOST_TEST(first.error.value() == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()
