#include "describe_request.hpp"

#include <execasio/exit_record.hpp>

#include <utility>

namespace exec_port {
namespace {

constexpr std::size_t longest_text = 4000;

/// As a shell would have to be given it.
std::string quoted(std::string const& word)
{
    constexpr char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "%+,-./:=@_";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos)
        return word;
    std::string text = "'";
    for (char const c : word.substr(0, longest_text)) {
        if (c == '\'')
            text += "'\\''";
        else
            text += c;
    }
    return text += '\'';
}

std::string name_of(redirection const& r)
{
    switch (r.to) {
    case redirection::target::null: return "null";
    case redirection::target::closed: return "closed";
    case redirection::target::erlang: return "erlang";
    case redirection::target::file: return quoted(r.path);
    case redirection::target::other_output: return "merged";
    }
    return "";
}

std::string cut(std::string text)
{
    if (text.size() > longest_text)
        text.replace(longest_text, std::string::npos, "...");
    return text;
}

std::string number(std::int64_t n)
{
    return std::to_string(n);
}

std::string text_of(run_request const& r)
{
    return "run " + describe(r);
}

std::string text_of(manage_request const& r)
{
    return "manage " + number(r.os_pid);
}

std::string text_of(stop_request const& r)
{
    return "stop " + number(r.os_pid);
}

std::string text_of(kill_request const& r)
{
    return "kill " + number(r.os_pid) + " with " +
           (r.signal == 0 ? "no signal" : execasio::signal_name(r.signal));
}

std::string text_of(list_request const&)
{
    return "list";
}

std::string text_of(stdin_request const& r)
{
    return "stdin of " + number(r.os_pid) + ": " +
           (r.data ? std::to_string(r.data->size()) + " bytes" : "its end");
}

std::string text_of(winsz_request const& r)
{
    return "winsz of " + number(r.os_pid) + ": " + number(r.size.rows) + " rows, " +
           number(r.size.columns) + " columns";
}

std::string text_of(pty_opts_request const& r)
{
    std::string text = "pty_opts of " + number(r.os_pid) + ":";
    for (pty_setting const& s : r.settings)
        text += ' ' + s.name + ' ' + number(s.value);
    return text;
}

std::string text_of(setpgid_request const& r)
{
    return "setpgid of " + number(r.os_pid) + " to " + number(r.group);
}

std::string text_of(debug_request const& r)
{
    return "debug " + number(r.level);
}

std::string text_of(shutdown_request const&)
{
    return "shutdown";
}

std::string text_of(refusal const& why)
{
    return "no request: " + why.reason();
}

} // namespace

std::string describe(run_request const& request)
{
    std::string text;
    if (auto const* line = std::get_if<std::string>(&request.command))
        text = "shell " + quoted(*line);
    else
        for (std::string const& word : std::get<std::vector<std::string>>(request.command))
            text += (text.empty() ? "" : " ") + quoted(word);
    run_options const& o = request.options;
    if (o.executable)
        text += ", executable " + quoted(*o.executable);
    if (o.cd)
        text += ", in " + quoted(*o.cd);
    if (o.user)
        text += ", as " + *o.user;
    if (o.group)
        text += ", group " + std::to_string(*o.group);
    if (o.nice)
        text += ", nice " + std::to_string(*o.nice);
    if (o.kill)
        text += ", kill " + quoted(*o.kill);
    if (o.kill_timeout)
        text += ", kill_timeout " + number(*o.kill_timeout);
    if (o.kill_group)
        text += ", kill_group";
    if (o.pty)
        text += ", on a pty";
    constexpr char const* names[] = {"stdin", "stdout", "stderr"};
    for (std::size_t i = 0; i < o.streams.size(); ++i)
        if (o.streams[i].to != redirection::target::null)
            text += std::string(", ") + names[i] + ' ' + name_of(o.streams[i]);
    return cut(std::move(text));
}

std::string describe(request_body const& body)
{
    return cut(std::visit([](auto const& what) { return text_of(what); }, body));
}

std::string describe(std::int64_t id, refusal const& why)
{
    return "request " + number(id) + " is refused: " + why.reason();
}

} // namespace exec_port
