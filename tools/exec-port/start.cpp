#include "start.hpp"

#include "user.hpp"

#include <execasio/command.hpp>
#include <execasio/error.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <variant>

#include <linux/capability.h>
#include <signal.h>
#include <unistd.h>

namespace exec_port {
namespace {

using execasio::command;
using execasio::stage;
using execasio::stream;

stream to_stream(redirection const& r, int number, bool on_terminal)
{
    switch (r.to) {
    case redirection::target::null: return stream::null;
    case redirection::target::closed: return stream::close;
    case redirection::target::erlang: return on_terminal ? stream::inherit : stream::pipe;
    case redirection::target::file:
        if (number == STDIN_FILENO)
            return stream::read(r.path);
        return r.append ? stream::append(r.path, r.mode) : stream::truncate(r.path, r.mode);
    case redirection::target::other_output: break; // merged, not connected
    }
    return stream::null;
}

void connect_streams(command& cmd, run_options const& options)
{
    auto const& [in, out, err] = options.streams;
    bool const on_terminal = options.pty.has_value();
    cmd.input(to_stream(in, STDIN_FILENO, on_terminal));
    cmd.output(to_stream(out, STDOUT_FILENO, on_terminal));
    cmd.error(to_stream(err, STDERR_FILENO, on_terminal));
    if (out.to == redirection::target::other_output)
        cmd.merge_output();
    if (err.to == redirection::target::other_output)
        cmd.merge_error();
}

void set_terminal(command& cmd, run_options const& options)
{
    if (!options.pty)
        return;
    execasio::terminal_options terminal;
    terminal.echo(options.pty_echo); // before the modes, one of which may say otherwise
    for (pty_setting const& setting : *options.pty)
        terminal.mode(setting.name, setting.value);
    if (options.winsz)
        terminal.size({options.winsz->rows, options.winsz->columns});
    cmd.terminal(std::move(terminal));
}

std::chrono::seconds kill_timeout(run_options const& options)
{
    constexpr std::int64_t longest = 100LL * 365 * 24 * 60 * 60;
    return std::chrono::seconds(
        std::clamp<std::int64_t>(options.kill_timeout.value_or(5), 0, longest));
}

void set_group(command& cmd, run_options const& options)
{
    // `kill_group` alone must not mean the port's own group, so the child gets one of its own then.
    if (options.group && *options.group != 0)
        cmd.group(execasio::process_group::join(*options.group));
    else if (options.group || options.kill_group)
        cmd.group(execasio::process_group::create());
    if (options.kill_group && options.group.value_or(0) != ::getpgrp())
        cmd.at_exit(execasio::stop_plan()
                        .grace(kill_timeout(options))
                        .target(execasio::stop_target::group));
}

char const* stream_name(stage where) noexcept
{
    switch (where) {
    case stage::open_input:
    case stage::pipe_input: return "stdin";
    case stage::open_output:
    case stage::pipe_output: return "stdout";
    default: return "stderr";
    }
}

std::string shell()
{
    char const* const value = std::getenv("SHELL");
    return value ? value : "";
}

/// Who a command is to be, if not whom the port is.
struct runner {
    uid_t user;
    bool is_other;
};

/// @throws start_refused for a name that is nobody's
runner runner_of(run_options const& options)
{
    uid_t const own = ::geteuid();
    if (!options.user)
        return {own, false};
    auto const user = user_id(*options.user);
    if (!user)
        throw start_refused(refusal::text("Invalid user " + *options.user + ": no such user"));
    return {*user, *user != own};
}

bool may_change_user()
{
    auto const held = execasio::capabilities::held();
    return held.contains(CAP_SETUID) && held.contains(CAP_SETGID);
}

void set_identity(command& cmd, run_options const& options, runner const& who, rights const& r)
{
    // The port's own user, too, may be in groups that the port is not in, or the other way round.
    if (who.is_other || (options.user && may_change_user() && !r.limited()))
        cmd.credentials(execasio::credentials::user(*options.user));
    if (!options.capabilities)
        return;
    auto const wanted = options.capabilities->all
                            ? execasio::capabilities::held()
                            : execasio::capabilities::from_mask(options.capabilities->mask);
    auto const given = r.allowed(wanted, who.user);
    if (who.user != 0)
        cmd.capabilities(given);
}

command plain_command(run_request const& request)
{
    run_options const& options = request.options;
    command cmd;
    if (auto const* line = std::get_if<std::string>(&request.command))
        cmd = command::shell(*line, shell());
    else
        cmd = command(std::get<std::vector<std::string>>(request.command));
    cmd.search_path(false);
    if (options.executable)
        cmd.executable(*options.executable);
    if (options.cd)
        cmd.directory(*options.cd);
    if (options.env) {
        if (options.env->clear)
            cmd.clear_environment();
        for (environment_change const& change : options.env->changes) {
            if (change.value)
                cmd.environment(change.name, *change.value);
            else
                cmd.unset_environment(change.name);
        }
    }
    if (options.nice)
        cmd.nice(*options.nice);
    set_group(cmd, options);
    set_terminal(cmd, options);
    connect_streams(cmd, options);
    return cmd;
}

/// The first stream that has a pipe.
char const* piped_stream(command const& cmd) noexcept
{
    if (cmd.input().is(stream::pipe))
        return "stdin";
    if (cmd.output().is(stream::pipe))
        return "stdout";
    return cmd.error().is(stream::pipe) ? "stderr" : nullptr;
}

refusal start_refusal(command const& cmd, execasio::spawn_error const& e)
{
    std::string const reason = e.code().message();
    bool const no_descriptors = e.code() == boost::system::errc::too_many_files_open ||
                                e.code() == boost::system::errc::too_many_files_open_in_system;
    switch (e.where()) {
    case stage::open_input:
    case stage::open_output:
    case stage::open_error:
        return refusal::text(std::string("Couldn't start pid: Failed to redirect ") +
                             stream_name(e.where()) + " to file: " + reason);
    case stage::pipe_input:
    case stage::pipe_output:
    case stage::pipe_error:
        return refusal::text(std::string("Couldn't start pid: Failed to create a pipe for ") +
                             stream_name(e.where()) + ": " + reason);
    case stage::terminal:
        return refusal::text("Couldn't start pid: Failed to open a pty: " + reason);
    default:
        // The handle of the process itself is the last descriptor wanted. Erlang knows of pipes
        // only.
        if (no_descriptors && cmd.terminal())
            return refusal::text("Couldn't start pid: Failed to open a pty: " + reason);
        if (char const* const piped = piped_stream(cmd); no_descriptors && piped)
            return refusal::text(std::string("Couldn't start pid: Failed to create a pipe for ") +
                                 piped + ": " + reason);
        return refusal::text(std::string("Couldn't start pid: Failed to fork (") +
                             execasio::to_string(e.where()) + "): " + reason);
    }
}

command stand_in(command const& failed, std::string message)
{
    // The process id is only known to the stand-in itself: it fills it in for "%p".
    constexpr char script[] = "case $1 in %p*) printf 'Pid %s%s' $$ \"${1#%p}\";; "
                              "*) printf %s \"$1\";; esac >&2; exit 1";
    command cmd("/bin/sh", "-c", script, "sh", std::move(message));
    cmd.input(failed.input()).output(failed.output()).error(failed.error());
    if (failed.merges_output())
        cmd.merge_output();
    if (failed.merges_error())
        cmd.merge_error();
    if (failed.terminal())
        cmd.terminal(*failed.terminal());
    return cmd;
}

/// Of a command whose user cannot be had: nobody else may write that user's files.
command without_files(command cmd)
{
    if (cmd.input().is_file())
        cmd.input(stream::null);
    if (cmd.output().is_file())
        cmd.output(stream::null);
    if (cmd.error().is_file())
        cmd.error(stream::null);
    return cmd;
}

std::string user_number(command const& cmd)
{
    if (!cmd.credentials()) // capabilities only
        return std::to_string(::geteuid());
    auto const* const name = std::get_if<std::string>(&cmd.credentials()->user());
    auto const number = name ? user_id(*name) : std::nullopt;
    return number ? std::to_string(*number) : "?";
}

command stand_in(command const& failed, execasio::spawn_error const& e)
{
    std::string const reason = e.code().message() + "\n";
    switch (e.where()) {
    case stage::directory:
        return stand_in(failed,
                        "Cannot chdir to '" + failed.directory().value_or("") + "': " + reason);
    case stage::group:
        return stand_in(failed, "Cannot set effective group to " +
                                    std::to_string(failed.group().id()) + ": " + reason);
    case stage::credentials:
        return stand_in(without_files(failed),
                        "Cannot set effective user to " + user_number(failed) + ": " + reason);
    case stage::capabilities:
        return stand_in(without_files(failed), "Cannot set capabilities: " + reason);
    case stage::nice:
        return stand_in(failed, "Cannot set priority to " +
                                    std::to_string(failed.nice().value_or(0)) + ": " + reason);
    case stage::exec:
        return stand_in(failed, "%p: cannot execute '" +
                                    failed.executable().value_or(failed.arguments().front()) +
                                    "': " + reason);
    default:
        return stand_in(failed, std::string("Cannot prepare the process (") +
                                    execasio::to_string(e.where()) + "): " + reason);
    }
}

/// Whether it was the child, not the port, that met with the failure. What a child of another user
/// opens is refused as if the port had done it.
bool is_childs(execasio::spawn_error const& e)
{
    switch (e.where()) {
    case stage::open_input:
    case stage::open_output:
    case stage::open_error: return false;
    case stage::credentials:
    case stage::capabilities: return true;
    default: return e.pid() != 0;
    }
}

/// What runs in place of a command that failed.
/// @throws start_refused when that is nothing that a child would have met with.
command stand_in_or_refuse(command const& cmd, execasio::spawn_error const& e)
{
    if (!is_childs(e))
        throw start_refused(start_refusal(cmd, e));
    return stand_in(cmd, e);
}

} // namespace

execasio::stop_plan to_stop_plan(run_options const& options, rights const& r,
                                 std::optional<execasio::credentials> const& owner)
{
    auto const timeout = kill_timeout(options);
    auto plan = execasio::stop_plan::kill();
    if (options.kill) {
        command cmd = command::shell(*options.kill, shell());
        cmd.input(stream::null).output(stream::null).error(stream::null);
        // As the one whom it is to end, and with no more rights; soon, or SIGTERM has to do.
        std::optional<execasio::credentials> as;
        if (runner const who = runner_of(options); who.is_other && r.allow(who.user))
            as = execasio::credentials::user(*options.user);
        else if (owner && r.allow(std::get<id_t>(owner->user())) && may_change_user())
            as = owner;
        if (as)
            cmd.credentials(*as).spawn_deadline(std::chrono::seconds(1));
        plan.command(std::move(cmd), timeout);
    } else {
        plan.signal(SIGTERM, timeout);
    }
    if (options.kill_group && options.group.value_or(0) != ::getpgrp()) // as in set_group
        plan.target(execasio::stop_target::group);
    return plan;
}

execasio::command to_command(run_request const& request, rights const& r)
{
    command cmd = plain_command(request);
    runner const who = runner_of(request.options);
    if (who.is_other && !r.allow(who.user))
        return stand_in(without_files(cmd), "Cannot set effective user to " +
                                                std::to_string(who.user) +
                                                ": Operation not permitted\n");
    set_identity(cmd, request.options, who, r);
    return cmd;
}

execasio::process start(asio::any_io_executor executor, command const& cmd)
{
    try {
        try {
            return execasio::spawn(executor, cmd);
        } catch (execasio::spawn_error const& e) {
            return execasio::spawn(executor, stand_in_or_refuse(cmd, e));
        }
    } catch (execasio::spawn_error const& e) {
        throw start_refused(start_refusal(cmd, e));
    }
}

asio::awaitable<execasio::process> start_awaited(asio::any_io_executor executor, command cmd)
{
    std::optional<command> other;
    try {
        co_return co_await execasio::async_spawn(executor, cmd, asio::use_awaitable);
    } catch (execasio::spawn_error const& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        other = stand_in_or_refuse(cmd, e); // there is no co_await in a handler
    }
    try {
        co_return co_await execasio::async_spawn(executor, *other, asio::use_awaitable);
    } catch (execasio::spawn_error const& e) {
        throw start_refused(start_refusal(cmd, e));
    }
}

} // namespace exec_port
