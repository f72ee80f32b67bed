#include "command_line.hpp"

#include <algorithm>
#include <charconv>

namespace exec_port {
namespace {

std::optional<long> to_number(std::string const& text)
{
    long value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

} // namespace

settings read_command_line(std::vector<std::string> const& arguments)
{
    settings s;
    for (auto at = arguments.begin(); at != arguments.end(); ++at) {
        if (at->size() < 2 || at->front() != '-')
            continue; // a lone dash, or the value of something unknown
        std::string const name = at->substr(at->compare(0, 2, "--") == 0 ? 2 : 1);
        bool const has_value = at + 1 != arguments.end() && (at + 1)->compare(0, 1, "-") != 0;
        if (name == "n") {
            s.numbered_descriptors = true;
        } else if (name == "whoami") {
            s.who_am_i = true;
        } else if (name == "h" || name == "help") {
            s.help = true;
        } else if (name == "version") {
            s.version = true;
        } else if (name == "debug") {
            s.debug = 1;
            if (auto const level = has_value ? to_number(at[1]) : std::nullopt)
                s.debug = static_cast<int>(std::clamp(*level, 0L, 10L));
        } else if (!has_value) {
            continue;
        } else if (name == "alarm") {
            constexpr long longest = 24 * 60 * 60;
            if (auto const seconds = to_number(*++at))
                s.alarm = std::chrono::seconds(std::clamp(*seconds, 0L, longest));
        } else if (name == "user") {
            s.user = *++at;
        } else if (name == "cap") {
            s.capabilities = *++at;
        }
    }
    return s;
}

std::string usage()
{
    return R"(exec-port: runs operating system processes for an Erlang VM.

Speaks the port protocol of the Erlang application erlexec on standard input and
output; point that at this program with {portexe, "/path/to/exec-port"}.

  -n             frames on descriptors 3 and 4 in place of 0 and 1
  -alarm N       the clean-up at the end takes at most N seconds (15)
  -debug [N]     traces on standard error, 0 (nothing) to 10
  -user NAME     required when run by root: "root" allows running as root
  --whoami       prints the name of the effective user and exits
  --version      prints the version and exits
  -h, --help     this text

SHELL must name the shell that runs commands given as strings.
)";
}

} // namespace exec_port
