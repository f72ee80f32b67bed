// Requests in the library's words.
#include "translate.hpp"

#include "failed_start.hpp"
#include "user.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include <linux/capability.h>
#include <signal.h>
#include <unistd.h>

namespace exec_port {
namespace {

using execasio::command;
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
    // All that erlexec's port turns off. Before the modes, one of which may say otherwise.
    terminal.echo(options.pty_echo);
    if (!options.pty_echo)
        terminal.mode("echoe", 0).mode("echok", 0).mode("echonl", 0);
    for (pty_setting const& setting : *options.pty)
        terminal.mode(setting.name, setting.value);
    if (options.winsz)
        terminal.size({options.winsz->rows, options.winsz->columns});
    cmd.terminal(std::move(terminal));
}

constexpr std::chrono::seconds usual_kill_timeout{5};

std::chrono::seconds kill_timeout(run_options const& options)
{
    constexpr std::int64_t longest = 100LL * 365 * 24 * 60 * 60;
    return std::chrono::seconds(std::clamp<std::int64_t>(
        options.kill_timeout.value_or(usual_kill_timeout.count()), 0, longest));
}

/// For a kill command, and for whom a process that ended by itself has left behind: a
/// `kill_timeout` of 0 is for those who are told to stop.
std::chrono::seconds time_to_act(run_options const& options)
{
    auto const timeout = kill_timeout(options);
    return timeout == timeout.zero() ? usual_kill_timeout : timeout;
}

void set_group(command& cmd, run_options const& options)
{
    // `kill_group` alone must not mean the port's own group, so the child gets one of its own then.
    if (options.group && *options.group != 0)
        cmd.group(execasio::process_group::join(*options.group));
    else if (options.group || options.kill_group)
        cmd.group(execasio::process_group::create());
    if (options.kill_group && options.group.value_or(0) != ::getpgrp())
        cmd.at_exit(
            execasio::stop_plan().grace(time_to_act(options)).target(execasio::stop_target::group));
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
runner runner_of(run_options const& options, rights const& r)
{
    if (!options.user)
        return {r.user(), false};
    std::optional<uid_t> user;
    try {
        user = user_id(*options.user);
    } catch (boost::system::system_error const& e) {
        throw start_refused(refusal::text("Couldn't start pid: cannot look up user " +
                                          *options.user + ": " + e.code().message()));
    }
    if (!user)
        throw start_refused(refusal::text("Invalid user " + *options.user + ": no such user"));
    return {*user, *user != r.user()};
}

bool may_change_user()
{
    auto const held = execasio::capabilities::held();
    return held.contains(CAP_SETUID) && held.contains(CAP_SETGID);
}

/// What a port with rights of its own must not do for a command of the same user. A file could be
/// one of its own descriptors, or its memory, to which /proc/self has links: the child opens it,
/// which has neither. Nor is a directory entered, or a program executed, by capabilities that the
/// command has not.
void keep_rights_from(command& cmd, run_options const& options, rights const& r)
{
    if (!r.is_privileged())
        return;
    bool const files = cmd.input().is_file() || cmd.output().is_file() || cmd.error().is_file();
    if (files || (options.capabilities && r.user() != 0))
        cmd.credentials(identity_with_own_groups(::geteuid(), ::getegid()));
    else if (r.user() != 0) // to root exec gives them back
        cmd.drop_capabilities();
}

void set_identity(command& cmd, run_options const& options, runner const& who, rights const& r)
{
    // The port's own user, too, may be in groups that the port is not in, or the other way round.
    if (who.is_other || (options.user && may_change_user() && !r.limited()))
        cmd.credentials(r.identity_of(who.user, *options.user));
    else
        keep_rights_from(cmd, options, r);
    if (!options.capabilities)
        return;
    auto const wanted = options.capabilities->all
                            ? execasio::capabilities::held()
                            : execasio::capabilities::from_mask(options.capabilities->mask);
    cmd.ambient_capabilities(r.allowed(wanted, who.user));
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

/// As the owner of a managed process: in its groups as well, but not by a policy, which speaks of
/// users only.
std::optional<execasio::credentials> kill_command_owner(execasio::credentials const& owner,
                                                        rights const& r)
{
    if (!r.limited())
        return owner;
    auto const user = std::get<id_t>(owner.user());
    if (user == r.user())
        return std::nullopt;
    return r.identity_of(user, user_name(user));
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
        if (runner const who = runner_of(options, r); who.is_other && r.allow(who.user))
            as = r.identity_of(who.user, *options.user);
        else if (owner && r.allow(std::get<id_t>(owner->user())) && may_change_user())
            as = kill_command_owner(*owner, r);
        if (as)
            cmd.credentials(*as).spawn_deadline(std::chrono::seconds(1));
        else if (r.is_privileged() && r.user() != 0)
            cmd.drop_capabilities();
        plan.command(std::move(cmd), timeout, time_to_act(options));
    } else {
        plan.signal(SIGTERM, timeout);
    }
    if (options.kill_group && options.group.value_or(0) != ::getpgrp()) // as in set_group
        plan.target(execasio::stop_target::group);
    return plan;
}

execasio::command refused_group(run_request const& request)
{
    return stand_in(without_files(plain_command(request)),
                    "Cannot set effective group to " +
                        std::to_string(request.options.group.value_or(0)) +
                        ": Operation not permitted\n");
}

execasio::command to_command(run_request const& request, rights const& r)
{
    command cmd = plain_command(request);
    runner const who = runner_of(request.options, r);
    if (who.is_other && !r.allow(who.user))
        return stand_in(without_files(cmd), "Cannot set effective user to " +
                                                std::to_string(who.user) +
                                                ": Operation not permitted\n");
    set_identity(cmd, request.options, who, r);
    return cmd;
}

} // namespace exec_port
