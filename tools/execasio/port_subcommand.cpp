#include "duration.hpp"
#include "port_client.hpp"
#include "subcommand.hpp"

#include <execasio/exit_record.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <stdexcept>

#include <unistd.h>

namespace execasio_tool {
namespace {

namespace po = boost::program_options;
using exec_port::term;

struct port_settings {
    std::vector<std::string> command;
    std::string program;
    std::vector<std::string> port_options;
    std::optional<std::chrono::milliseconds> stop_after;
    std::int64_t kill_timeout = 5;
};

/// What a port tells of the one command that it was given.
class conversation {
public:
    conversation(execasio::process& port, port_settings const& settings)
        : client_(port),
          settings_(settings),
          stop_(port.get_executor())
    {
    }

    /// @return The command's wait status; nullopt when the port refused or went away.
    asio::awaitable<std::optional<int>> hold()
    {
        say("> {1, {run, Command, [stdout, stderr, {kill_timeout, " +
            std::to_string(settings_.kill_timeout) + "}]}}");
        try {
            co_await client_.run(1, settings_.command, settings_.kill_timeout);
        } catch (boost::system::system_error const& e) {
            if (e.code() != boost::system::errc::broken_pipe)
                throw;
        } // what it wrote before it went away is read
        while (!status_ && !refused_) {
            auto const payload = co_await client_.next();
            if (!payload) {
                say("the port program has closed its output and not told how the command ended");
                break;
            }
            auto const message = exec_port::parse_term(*payload);
            if (message)
                hear(*message);
        }
        stop_.cancel();
        co_return status_;
    }

private:
    void hear(term const& message)
    {
        exec_port::term_cursor parts(message);
        auto const id = parts.next();
        auto const body = parts.next();
        if (!id || !body)
            return;
        exec_port::term_cursor words(*body);
        auto const name = body->kind() == exec_port::term_kind::tuple ? words.next() : std::nullopt;
        if (!name) {
            say("< {" + std::to_string(id->value()) + ", " + std::string(body->bytes()) + "}");
            return;
        }
        auto const first = words.next();
        auto const second = words.next();
        if (name->is_atom("pid") && first)
            started(static_cast<int>(first->value()));
        else if ((name->is_atom("stdout") || name->is_atom("stderr")) && second)
            (name->is_atom("stdout") ? std::cout : std::cerr) << second->bytes() << std::flush;
        else if (name->is_atom("exit_status") && second)
            ended(static_cast<int>(first->value()), static_cast<int>(second->value()));
        else if (name->is_atom("error") && first) {
            say("< {error, " + exec_port::to_text(*first).value_or(std::string(first->bytes())) +
                "}");
            refused_ = true;
        }
    }

    void started(int os_pid)
    {
        say("< {1, {pid, " + std::to_string(os_pid) + "}}");
        if (!settings_.stop_after)
            return;
        stop_.expires_after(*settings_.stop_after);
        stop_.async_wait([this, os_pid](boost::system::error_code ec) {
            if (ec)
                return;
            say("> {2, {stop, " + std::to_string(os_pid) + "}}");
            asio::co_spawn(stop_.get_executor(), client_.stop(2, os_pid),
                           [](std::exception_ptr) {});
        });
    }

    void ended(int os_pid, int status)
    {
        status_ = status;
        say("< {0, {exit_status, " + std::to_string(os_pid) + ", " + std::to_string(status) +
            "}}: " + describe(execasio::exit_record(status, {}, {})));
    }

    /// The conversation itself goes to standard error, with the time since it began.
    void say(std::string const& line) const
    {
        std::cerr << '[' << in_seconds(std::chrono::steady_clock::now() - begin_) << "] " << line
                  << std::endl;
    }

    port_client client_;
    port_settings const& settings_;
    asio::steady_timer stop_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::optional<int> status_;
    bool refused_ = false;
};

execasio::command port_command(port_settings const& settings)
{
    execasio::command cmd(settings.program);
    cmd.input(execasio::stream::pipe).output(execasio::stream::pipe);
    if (!std::getenv("SHELL"))
        cmd.environment("SHELL", "/bin/sh");
    if (::geteuid() == 0)
        cmd.argument("-user").argument("root"); // unless another one follows
    for (std::string const& word : settings.port_options)
        cmd.argument(word);
    return cmd;
}

asio::awaitable<int> use_port(port_settings const& settings)
{
    auto const executor = co_await asio::this_coro::executor;
    execasio::process port = execasio::spawn(executor, port_command(settings));
    conversation talk(port, settings);
    std::optional<int> const status = co_await talk.hold();
    port.input().close(); // the end of input: it cleans up and goes
    execasio::exit_record const how = co_await port.wait();
    std::cerr << "port program: " << describe(how) << std::endl;
    if (!status || !how.success())
        co_return exit_code::failed;
    execasio::exit_record const command(*status, {}, {});
    co_return command.exited() ? command.code() : 128 + command.signal();
}

po::options_description port_options()
{
    po::options_description known("Options of execasio port");
    auto add = known.add_options();
    add("program", po::value<std::string>()->value_name("PATH")->required(), "the port program");
    add("port-option", po::value<std::vector<std::string>>()->value_name("WORD"),
        "a word of the port program's own command line; once for each");
    add("stop-after", po::value<duration>()->value_name("TIME"),
        "ask for a stop of the command after that time");
    add("kill-timeout", po::value<std::int64_t>()->value_name("SECONDS")->default_value(5),
        "from SIGTERM to SIGKILL then");
    add("help", "this text");
    return known;
}

} // namespace

int port_subcommand(std::vector<std::string> const& arguments)
{
    po::options_description const known = port_options();
    if (arguments.size() == 1 && arguments.front() == "--help") {
        std::cout
            << "execasio port --program PATH [OPTION...] [--] COMMAND [ARGUMENT...]\n\n"
            << known
            << "\nThe command is executed as it stands: no shell, no search in PATH. Requests "
               "and replies are\nshown on standard error.\n";
        return 0;
    }
    invocation const call = parse(arguments, known);
    if (call.command.empty())
        throw std::invalid_argument("a command is missing; see execasio port --help");
    port_settings settings;
    settings.command = call.command;
    settings.program = call.options["program"].as<std::string>();
    if (call.options.count("stop-after"))
        settings.stop_after = call.options["stop-after"].as<duration>().value;
    if (call.options.count("port-option"))
        settings.port_options = call.options["port-option"].as<std::vector<std::string>>();
    settings.kill_timeout = call.options["kill-timeout"].as<std::int64_t>();
    constexpr std::int64_t longest = std::numeric_limits<std::int32_t>::max();
    if (settings.kill_timeout < 0 || settings.kill_timeout > longest)
        throw std::invalid_argument("--kill-timeout takes seconds from 0 to " +
                                    std::to_string(longest));

    asio::io_context context(1);
    int code = exit_code::failed;
    std::exception_ptr failure;
    asio::co_spawn(context, use_port(settings), [&](std::exception_ptr e, int result) {
        failure = e;
        code = result;
    });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    return code;
}

} // namespace execasio_tool
