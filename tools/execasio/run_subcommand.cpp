#include "duration.hpp"
#include "print_record.hpp"
#include "subcommand.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/time_guards.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cerrno>
#include <iostream>
#include <memory>

#include <signal.h>

namespace execasio_tool {
namespace {

namespace asio = boost::asio;
namespace po = boost::program_options;

struct run_settings {
    execasio::command command;
    execasio::stop_plan plan;
    execasio::time_guards guards;
    bool record = false;
};

int exit_code_for(execasio::exit_record const& record)
{
    if (record.cause() == execasio::end_cause::time_limit ||
        record.cause() == execasio::end_cause::cpu_time)
        return exit_code::time_limit;
    return record.exited() ? record.code() : 128 + record.signal();
}

asio::awaitable<execasio::exit_record> run_it(run_settings const& settings)
{
    auto const executor = co_await asio::this_coro::executor;
    // Shared, because a handler that is due already runs even if its set is destroyed.
    auto const job =
        std::make_shared<execasio::process>(execasio::spawn(executor, settings.command));

    execasio::guard(*job, settings.guards, settings.plan);
    // Who ends this tool wants the command to end. A terminal has sent its SIGINT to both.
    asio::signal_set signals(executor, SIGTERM, SIGINT, SIGHUP);
    signals.async_wait([job, &settings](execasio::error_code ec, int) {
        if (!ec)
            execasio::request_stop(*job, settings.plan);
    });
    execasio::exit_record const how = co_await job->wait();
    co_return how;
}

int run(run_settings const& settings)
{
    asio::io_context context(1);
    execasio::exit_record how;
    std::exception_ptr failure;
    asio::co_spawn(context, run_it(settings),
                   [&](std::exception_ptr e, execasio::exit_record const& record) {
                       failure = e;
                       how = record;
                   });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    if (settings.record)
        print(std::cerr, how, settings.plan);
    return exit_code_for(how);
}

po::options_description run_options()
{
    po::options_description known("Options of execasio run");
    auto add = known.add_options();
    add("time-limit", po::value<duration>()->value_name("TIME"),
        "stop the command when it takes longer");
    add("cpu-limit", po::value<duration>()->value_name("TIME"),
        "stop it when it has used more CPU time");
    add("grace", po::value<duration>()->value_name("TIME"),
        "from SIGTERM to SIGKILL when it is stopped (5s)");
    add("group", "stop its whole process group; it then gets one of its own, apart from the "
                 "terminal");
    add("directory", po::value<std::string>()->value_name("PATH"), "run it there");
    add("record", "print on standard error how it ended, and what it used");
    add("help", "this text");
    return known;
}

} // namespace

int run_subcommand(std::vector<std::string> const& arguments)
{
    po::options_description const known = run_options();
    invocation const call = parse(arguments, known);
    if (call.options.count("help")) {
        std::cout
            << "execasio run [OPTION...] [--] COMMAND [ARGUMENT...]\n\n"
            << known
            << "\nTimes are like 500ms, 2s, 1.5m. The exit code is the command's, 128 plus the "
               "signal that ended\nit, 124 when a limit did, 125 when execasio itself "
               "failed, 126 when the command cannot\nbe executed, 127 when it is not found.\n";
        return 0;
    }
    if (call.command.empty())
        throw std::invalid_argument("a command is missing; see execasio run --help");

    run_settings settings;
    settings.command = execasio::command(call.command);
    if (call.options.count("grace"))
        settings.plan.grace(call.options["grace"].as<duration>().value);
    if (call.options.count("time-limit"))
        settings.guards.run_time(call.options["time-limit"].as<duration>().value);
    if (call.options.count("cpu-limit"))
        settings.guards.cpu_time(call.options["cpu-limit"].as<duration>().value);
    if (call.options.count("directory"))
        settings.command.directory(call.options["directory"].as<std::string>());
    if (call.options.count("group")) {
        settings.command.group(execasio::process_group::create());
        settings.plan.target(execasio::stop_target::group);
    }
    settings.record = call.options.count("record") != 0;
    try {
        return run(settings);
    } catch (execasio::spawn_error const& e) {
        std::cerr << "execasio run: " << e.what() << '\n';
        bool const program =
            e.where() == execasio::stage::exec || e.where() == execasio::stage::search;
        if (!program)
            return exit_code::failed;
        return e.code().value() == ENOENT ? exit_code::not_found : exit_code::cannot_execute;
    }
}

} // namespace execasio_tool
