#include "failed_start.hpp"

#include "log.hpp"
#include "user.hpp"

#include <execasio/credentials.hpp>

#include <boost/system/system_error.hpp>

#include <optional>
#include <variant>

#include <unistd.h>

namespace exec_port {

using execasio::command;
using execasio::spawn_error;
using execasio::stage;
using execasio::stream;

namespace {

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

/// The first stream that has a pipe.
char const* piped_stream(command const& cmd) noexcept
{
    if (cmd.input().is(stream::pipe))
        return "stdin";
    if (cmd.output().is(stream::pipe))
        return "stdout";
    return cmd.error().is(stream::pipe) ? "stderr" : nullptr;
}

std::string user_number(command const& cmd)
{
    if (!cmd.credentials()) // capabilities only
        return std::to_string(::geteuid());
    if (auto const* const id = std::get_if<id_t>(&cmd.credentials()->user()))
        return std::to_string(*id);
    auto const* const name = std::get_if<std::string>(&cmd.credentials()->user());
    try {
        if (auto const number = name ? user_id(*name) : std::nullopt)
            return std::to_string(*number);
    } catch (boost::system::system_error const&) {
    }
    return "?";
}

/// Whether it was the child, not the port, that met with the failure. What a child of another user
/// opens is refused as if the port had done it.
bool is_childs(spawn_error const& e)
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

std::string failed_step(command const& failed, stage where)
{
    switch (where) {
    case stage::directory: return "Cannot chdir to '" + failed.directory().value_or("") + "'";
    case stage::group:
        return "Cannot set effective group to " + std::to_string(failed.group().id());
    case stage::credentials: return "Cannot set effective user to " + user_number(failed);
    case stage::capabilities: return "Cannot set capabilities";
    case stage::nice: return "Cannot set priority to " + std::to_string(failed.nice().value_or(0));
    case stage::exec:
        return "%p: cannot execute '" + failed.executable().value_or(failed.arguments().front()) +
               "'";
    default: return std::string("Cannot prepare the process (") + execasio::to_string(where) + ")";
    }
}

} // namespace

refusal start_refusal(command const& cmd, spawn_error const& e)
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
    return cmd.drop_capabilities(); // nobody's, whosever the port's are
}

/// Its standard error may be nobody's.
void tell_of_failure(std::string const& message)
{
    auto const text = [&] {
        std::string const number = "%p: "; // which the stand-in is going to have
        return "a start fails: " + message.substr(message.starts_with(number) ? number.size() : 0);
    };
    if (log::debug_level > 0)
        log::write(log::severity::debug, text());
    else
        log::info(text);
}

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

command stand_in_or_refuse(command const& failed, spawn_error const& e)
{
    if (!is_childs(e))
        throw start_refused(start_refusal(failed, e));
    std::string message = failed_step(failed, e.where()) + ": " + e.code().message();
    tell_of_failure(message);
    message += '\n';
    if (e.where() == stage::credentials || e.where() == stage::capabilities)
        return stand_in(without_files(failed), std::move(message));
    command cmd = stand_in(failed, std::move(message));
    // Files are opened with the rights of that user's alone, however the start has failed.
    if (failed.credentials())
        cmd.credentials(*failed.credentials());
    return cmd;
}

} // namespace exec_port
