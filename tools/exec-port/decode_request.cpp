#include "decode_request.hpp"

#include "decode_options.hpp"
#include "decode_values.hpp"
#include "pty_options.hpp"
#include "term.hpp"

#include <execasio/pseudo_terminal.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace exec_port {
namespace {

/// What follows the name of a command. Each rule reads as many as its arity says.
using arguments = std::array<term, 3>;

request_body run(arguments const& args)
{
    run_request r;
    complaint wrong = decode_command(args[0], r.command);
    if (!wrong)
        wrong = decode_options(args[1], r.options);
    // After the options: a request with several faults is answered as erlexec does.
    if (!wrong && command_is_empty(r.command))
        wrong = "empty command provided";
    if (wrong)
        return refusal::text(std::move(*wrong));
    return r;
}

request_body manage(arguments const& args)
{
    manage_request r{};
    if (!to_number(args[0], r.os_pid) || r.os_pid <= 0 || decode_options(args[1], r.options))
        return refusal::badarg();
    return r;
}

request_body stop(arguments const& args)
{
    stop_request r{};
    if (!to_number(args[0], r.os_pid))
        return refusal::badarg();
    return r;
}

request_body kill(arguments const& args)
{
    kill_request r{};
    if (!to_number(args[0], r.os_pid) || !to_number(args[1], r.signal) || r.os_pid == -1)
        return refusal::badarg();
    if (r.os_pid < 0)
        return refusal::text("Not allowed to send signal to all processes");
    return r;
}

request_body list(arguments const&)
{
    return list_request{};
}

request_body stdin_data(arguments const& args)
{
    stdin_request r{};
    if (!to_number(args[0], r.os_pid))
        return refusal::badarg();
    // Binaries only: the one argument that is no string in erlexec either.
    if (args[1].kind() == term_kind::binary)
        r.data = std::string(args[1].bytes());
    else if (!args[1].is_atom("eof"))
        return refusal::badarg();
    return r;
}

request_body winsz(arguments const& args)
{
    winsz_request r{};
    if (!to_number(args[0], r.os_pid) || !to_number(args[1], r.size.rows) ||
        !to_number(args[2], r.size.columns))
        return refusal::badarg();
    return r;
}

request_body pty_opts(arguments const& args)
{
    pty_opts_request r{};
    if (!to_number(args[0], r.os_pid) || !is_proper_list(args[1]))
        return refusal::badarg();

    term_cursor settings(args[1]);
    while (auto const item = settings.next()) {
        auto const pair = pair_of(*item);
        if (!pair || !pair->first.is_atom())
            return refusal::badarg();
        if (r.flaw)
            continue; // what follows is still checked for badarg, which changes nothing
        std::string const name(pair->first.bytes());
        auto const value = to_pty_value(name, pair->second);
        if (!execasio::find_terminal_mode(name))
            r.flaw = refusal::text("failed to set pty option " + name);
        else if (!value)
            r.flaw = refusal::text("bad value type of pty option " + name);
        else
            r.settings.push_back({name, *value});
    }
    return r;
}

request_body set_process_group(arguments const& args)
{
    setpgid_request r{};
    if (!to_number(args[0], r.os_pid) || !to_number(args[1], r.group))
        return refusal::badarg();
    // Zero would name the port itself.
    if (r.os_pid <= 0)
        return refusal::atom("esrch");
    if (r.group < 0)
        return refusal::atom("einval");
    return r;
}

request_body debug(arguments const& args)
{
    debug_request r{};
    if (!to_number(args[0], r.level) || r.level < 0 || r.level > 10)
        return refusal::badarg();
    return r;
}

request_body shut_down(arguments const&)
{
    return shutdown_request{};
}

struct command_rule {
    std::string_view name;
    std::uint32_t arity; // of the tuple, name included
    request_body (*decode)(arguments const&);
};

constexpr command_rule commands[] = {
    {"run", 3, run},     {"manage", 3, manage},      {"stop", 2, stop},
    {"kill", 3, kill},   {"list", 1, list},          {"stdin", 3, stdin_data},
    {"winsz", 4, winsz}, {"pty_opts", 3, pty_opts},  {"setpgid", 3, set_process_group},
    {"debug", 2, debug}, {"shutdown", 1, shut_down},
};

request_body decode_body(term const& instruction)
{
    term_cursor elements(instruction);
    term const first = elements.next().value_or(term());
    for (command_rule const& rule : commands) {
        if (!first.is_atom(rule.name))
            continue;
        if (instruction.size() != rule.arity)
            return refusal::badarg();
        arguments args;
        for (std::size_t i = 0; i + 1 < rule.arity; ++i)
            args[i] = elements.next().value_or(term());
        return rule.decode(args);
    }
    auto const name = first.is_atom() ? first.bytes() : std::string_view();
    return refusal::text("Unknown command: " + std::string(name));
}

} // namespace

std::optional<request> decode_request(std::string_view payload)
{
    auto const whole = parse_term(payload);
    auto const parts = whole ? pair_of(*whole) : std::nullopt;
    if (!parts)
        return std::nullopt;
    auto const& [id, instruction] = *parts;
    if (id.kind() != term_kind::integer || instruction.kind() != term_kind::tuple ||
        instruction.size() == 0)
        return std::nullopt;
    request result{id.value(), decode_body(instruction)};
    if (auto* const r = std::get_if<run_request>(&result.body))
        r->size = payload.size();
    return result;
}

} // namespace exec_port
