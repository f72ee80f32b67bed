#include "command_line.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <string_view>

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

/// A number that erlexec's port takes as well, where whatever is none is ignored, too.
std::optional<long> lenient(std::string const& option, std::string const& text, settings& s)
{
    auto const value = to_number(text);
    if (value && *value >= 0)
        return value;
    s.ignored.push_back("-" + option + " takes a number: '" + text + "' is ignored");
    return std::nullopt;
}

/// A number in a range, for an option of our own.
std::size_t bounded(std::string const& option, std::string const& text, long low, long high,
                    settings& s)
{
    auto const value = to_number(text);
    if (value && *value >= low && *value <= high)
        return static_cast<std::size_t>(*value);
    s.wrong = "--" + option + " takes a number from " + std::to_string(low) + " to " +
              std::to_string(high) + ", not '" + text + "'";
    return static_cast<std::size_t>(low);
}

std::optional<log::severity> severity_of(std::string const& name)
{
    if (name == "error")
        return log::severity::error;
    if (name == "warning")
        return log::severity::warning;
    if (name == "info")
        return log::severity::info;
    if (name == "debug")
        return log::severity::debug;
    return std::nullopt;
}

bool is_own(std::string const& name)
{
    constexpr std::string_view own[] = {"packet", "max-chunk", "max-input",
                                        "log",    "log-level", "default-shell"};
    return std::find(std::begin(own), std::end(own), name) != std::end(own);
}

/// Options that erlexec's own port does not have. All have a value.
void read_own(std::string const& name, std::string const& value, settings& s)
{
    if (value.empty()) {
        s.wrong = "--" + name + " needs a value";
    } else if (name == "packet") {
        s.large_frames = value == "4";
        if (value != "2" && value != "4")
            s.wrong = "--packet takes 2 or 4, not '" + value + "'";
    } else if (name == "max-chunk") {
        s.limits.chunk = bounded(name, value, 1, output_block::data_size, s);
    } else if (name == "max-input") {
        // Room for any piece of {packet, 2}, or one that is read at once would be too much.
        constexpr long piece_max = 65535;
        s.limits.input = bounded(name, value, piece_max, std::numeric_limits<long>::max(), s);
    } else if (name == "log") {
        s.log = value;
    } else if (name == "log-level") {
        s.log_level = severity_of(value);
        if (!s.log_level)
            s.wrong = "--log-level takes error, warning, info or debug, not '" + value + "'";
    } else if (name == "default-shell") {
        s.shell = value;
        if (value.front() != '/')
            s.wrong = "--default-shell takes an absolute path, not '" + value + "'";
    }
}

} // namespace

settings read_command_line(std::vector<std::string> const& arguments)
{
    settings s;
    for (auto at = arguments.begin(); at != arguments.end(); ++at) {
        if (at->size() < 2 || at->front() != '-')
            continue; // a lone dash, or the value of something unknown
        std::string const name = at->substr(at->compare(0, 2, "--") == 0 ? 2 : 1);
        if (auto const equals = name.find('='); is_own(name.substr(0, equals))) {
            if (equals != std::string::npos)
                read_own(name.substr(0, equals), name.substr(equals + 1), s);
            else
                read_own(name, at + 1 != arguments.end() ? *++at : "", s);
            continue;
        }
        bool const has_value =
            at + 1 != arguments.end() && ((at + 1)->compare(0, 1, "-") != 0 || to_number(at[1]));
        if (name == "n") {
            s.numbered_descriptors = true;
        } else if (name == "whoami") {
            s.who_am_i = true;
        } else if (name == "h" || name == "help") {
            s.help = true;
        } else if (name == "version") {
            s.version = true;
        } else if (name == "no-guard") {
            s.guard = false;
        } else if (name == "debug") {
            s.debug = 1;
            if (auto const level = has_value ? lenient(name, at[1], s) : std::nullopt)
                s.debug = static_cast<int>(std::clamp(*level, 0L, 10L));
        } else if (!has_value) {
            continue;
        } else if (name == "alarm") {
            constexpr long longest = 24 * 60 * 60;
            if (auto const seconds = lenient(name, *++at, s))
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
  -debug [N]     traces on standard error: 0 nothing, 1 starts and ends, from 2 on
                 requests and refusals, to 10
  -user NAME     whose rights it takes on; required when run by root, and "root"
                 allows running as root
  -cap CAPS      capabilities that it keeps for the option {capabilities, _}:
                 "all", or names with commas between
  --whoami       prints the name of the effective user and exits
  --version      prints the version and exits
  -h, --help     this text

Options that erlexec's own port program does not have:

  --packet 2|4         width of a frame's length, {packet, N} of open_port (2)
  --max-chunk BYTES    most output in one message, 1 to 65000 (65000)
  --max-input BYTES    most input that waits for a process which does not read it,
                       65535 or more; beyond that its input is closed, and from half
                       of it on the VM is slowed down (67108864)
  --log FILE|syslog    messages go there, and not to standard error
  --log-level LEVEL    error, warning, info or debug (warning)
  --no-guard           no guardian, the process that ends its children when it is
                       killed
  --default-shell PATH the shell when SHELL is not set, which is refused otherwise

SHELL must name the shell that runs commands given as strings.
SIGUSR1 makes it list its processes and their queues where its messages go.
)";
}

} // namespace exec_port
