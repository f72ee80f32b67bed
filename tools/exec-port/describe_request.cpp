#include "describe_request.hpp"

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
    if (o.pty)
        text += ", on a pty";
    constexpr char const* names[] = {"stdin", "stdout", "stderr"};
    for (std::size_t i = 0; i < o.streams.size(); ++i)
        if (o.streams[i].to != redirection::target::null)
            text += std::string(", ") + names[i] + ' ' + name_of(o.streams[i]);
    if (text.size() > longest_text)
        text.replace(longest_text, std::string::npos, "...");
    return text;
}

} // namespace exec_port
