#include "duration.hpp"
#include "ending_signals.hpp"
#include "print_record.hpp"
#include "subcommand.hpp"

#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/time_guards.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

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

/// What ends this tool is passed on: the command may have its own way to end at SIGINT. The plan
/// follows.
/// @param told The command has had the signal already.
execasio::stop_plan plan_after(int signal, bool told, execasio::stop_plan const& plan)
{
    if (signal == SIGTERM)
        return plan;
    auto const grace = plan.stages().back().wait;
    execasio::stop_plan longer = execasio::stop_plan::kill();
    longer.target(plan.target());
    return longer.signal(told ? 0 : signal, grace).signal(SIGTERM, grace);
}

/// Ends the command by its plan at the first signal, and at once at the second.
class signal_passer {
public:
    /// From now on; what comes before there is a command waits for it.
    signal_passer(run_settings& settings, execasio::process& job, asio::any_io_executor executor)
        : settings_(settings),
          job_(job),
          signals_(std::move(executor), [this](ending_signals::received s) { pass(s); })
    {
    }

private:
    void pass(ending_signals::received s)
    {
        if (std::exchange(again_, true)) {
            kill_at_once(job_);
            return;
        }
        bool const in_group = settings_.plan.target() == execasio::stop_target::group;
        bool const told = s.by_key && !in_group; // it is in the foreground, too
        execasio::error_code ignored;
        if (!job_.stopping()) {
            settings_.plan = plan_after(s.number, told, settings_.plan);
            execasio::request_stop(job_, settings_.plan);
        } else if (in_group) { // by a limit, whose plan goes on
            job_.signal_group(s.number, ignored);
        } else if (!told) {
            job_.signal(s.number, ignored);
        }
    }

    run_settings& settings_;
    execasio::process& job_;
    ending_signals signals_;
    bool again_ = false;
};

/// So that the command ends with this tool, whatever that dies of; nullptr where there is none.
std::unique_ptr<execasio::guardian> start_guardian(asio::any_io_executor const& executor)
{
    try {
        return std::make_unique<execasio::guardian>(executor);
    } catch (boost::system::system_error const&) {
        return nullptr;
    }
}

asio::awaitable<execasio::exit_record> run_it(run_settings& settings)
{
    auto const executor = co_await asio::this_coro::executor;
    execasio::process job;
    signal_passer const signals(settings, job, executor);
    auto const guardian = start_guardian(executor);
    job = execasio::spawn(executor, settings.command);
    execasio::guard(job, settings.guards, settings.plan);
    execasio::exit_record const how = co_await job.wait();
    if (job.stopping()) // until nobody is left of its group, either
        co_await execasio::stop(job, settings.plan);
    co_return how;
}

int run(run_settings& settings)
{
    ::signal(SIGCHLD, SIG_DFL); // ignored, it would cost the exit codes
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
    add("group", "stop its whole process group; it then gets one of its own, in the background of "
                 "the terminal, from which it cannot read");
    add("directory", po::value<std::string>()->value_name("PATH"), "run it there");
    add("record", "print on standard error how it ended, and what it used");
    add("help", "this text");
    return known;
}

/// "No such file" is also what exec says of a script that is there, but whose interpreter is not.
std::string missing_interpreter(std::string const& program, execasio::spawn_error const& e)
{
    if (e.where() != execasio::stage::exec ||
        e.code() != boost::system::errc::no_such_file_or_directory)
        return "";
    std::ifstream script(program);
    std::string line;
    if (!std::getline(script, line) || !line.starts_with("#!"))
        return "";
    return " (the script is there; is its interpreter, '" + line.substr(2) + "'?)";
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
            << "\nTimes are like 500ms, 2s, 1.5m; without a unit they are seconds. The exit code "
               "is the\ncommand's, 128 plus the signal that ended it, 124 when a limit did, 125 "
               "when execasio\nitself failed, 126 when the command cannot be executed, 127 when it "
               "is not found.\n\n"
               "SIGINT, SIGQUIT, SIGHUP and SIGTERM are passed on (a terminal's Ctrl-C only where "
               "the command\nhas not had it already); after the grace come SIGTERM and SIGKILL, at "
               "a second signal SIGKILL\nat once. Signals that are ignored, as by nohup, stay so. "
               "Should execasio be killed while the\ncommand runs, it is ended with all that it "
               "has started.\n";
        return 0;
    }
    if (call.command.empty())
        throw std::invalid_argument("a command is missing; see execasio run --help");

    run_settings settings;
    settings.command = execasio::command(call.command);
    settings.command.inherit_ignored_signals();
    settings.command.track_tree(); // so that the guardian finds daemons, too
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
        std::cerr << "execasio run: " << e.what() << missing_interpreter(call.command.front(), e)
                  << '\n';
        bool const program =
            e.where() == execasio::stage::exec || e.where() == execasio::stage::search;
        if (!program)
            return exit_code::failed;
        return e.code().value() == ENOENT ? exit_code::not_found : exit_code::cannot_execute;
    }
}

} // namespace execasio_tool
