#include "duration.hpp"
#include "print_record.hpp"
#include "subcommand.hpp"

#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/time_guards.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cerrno>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include <signal.h>
#include <unistd.h>

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

/// Whether a key like Ctrl-C has told the command already: it is in the terminal's foreground, too.
bool told_by_terminal(run_settings const& settings, int signal)
{
    bool const by_key = signal == SIGINT || signal == SIGQUIT;
    return by_key && settings.plan.target() == execasio::stop_target::process &&
           ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

/// What ends this tool is passed on: the command may have its own way to end at SIGINT. The plan
/// follows.
execasio::stop_plan plan_after(int signal, run_settings const& settings)
{
    if (signal == SIGTERM)
        return settings.plan;
    auto const grace = settings.plan.stages().back().wait;
    execasio::stop_plan plan = execasio::stop_plan::kill();
    plan.target(settings.plan.target());
    return plan.signal(told_by_terminal(settings, signal) ? 0 : signal, grace)
        .signal(SIGTERM, grace);
}

/// Those of the signals that end a program which were not ignored when this one was started, as
/// SIGHUP is under nohup(1).
std::vector<int> ending_signals()
{
    std::vector<int> numbers;
    for (int const number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
        struct sigaction action {};
        if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
            numbers.push_back(number);
    }
    return numbers;
}

/// Ends the command by its plan at the first signal, and at once at the second.
class passed_signals {
public:
    passed_signals(run_settings& settings, std::shared_ptr<execasio::process> job)
        : settings_(settings),
          job_(std::move(job)),
          signals_(job_->get_executor())
    {
        for (int const number : ending_signals())
            signals_.add(number);
    }

    // Shared, because a handler that is due already runs even if its set is destroyed.
    static void await(std::shared_ptr<passed_signals> const& self)
    {
        self->signals_.async_wait([self](execasio::error_code ec, int number) {
            if (ec)
                return;
            self->received(number);
            await(self);
        });
    }
    void close()
    {
        execasio::error_code ignored;
        signals_.clear(ignored);
        signals_.cancel(ignored);
    }

private:
    void received(int number)
    {
        if (!std::exchange(again_, true)) {
            settings_.plan = plan_after(number, settings_);
            execasio::request_stop(*job_, settings_.plan);
            return;
        }
        execasio::error_code ignored;
        if (settings_.plan.target() == execasio::stop_target::group)
            job_->signal_group(SIGKILL, ignored);
        job_->signal(SIGKILL, ignored);
    }

    run_settings& settings_;
    std::shared_ptr<execasio::process> job_;
    asio::signal_set signals_;
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
    auto const guardian = start_guardian(executor);
    auto const job =
        std::make_shared<execasio::process>(execasio::spawn(executor, settings.command));

    execasio::guard(*job, settings.guards, settings.plan);
    auto const signals = std::make_shared<passed_signals>(settings, job);
    passed_signals::await(signals);
    execasio::exit_record const how = co_await job->wait();
    signals->close();
    co_return how;
}

int run(run_settings& settings)
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
    add("group", "stop its whole process group; it then gets one of its own, in the background of "
                 "the terminal, from which it cannot read");
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
               "failed, 126 when the command cannot\nbe executed, 127 when it is not found.\n\n"
               "SIGINT, SIGQUIT, SIGHUP and SIGTERM are passed on (a terminal's Ctrl-C only where "
               "the command\nhas not had it already); after the grace come SIGTERM and SIGKILL, at "
               "a second signal SIGKILL\nat once. Signals that are ignored, as by nohup, stay so. "
               "Should execasio be killed, the command\nis ended with all that it has started.\n";
        return 0;
    }
    if (call.command.empty())
        throw std::invalid_argument("a command is missing; see execasio run --help");

    run_settings settings;
    settings.command = execasio::command(call.command);
    settings.command.inherit_ignored_signals();
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
