#include "log.hpp"

#include "system_log.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <string_view>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <syslog.h>
#include <unistd.h>

namespace exec_port {
namespace {

enum class place { standard_error, file, system_log };

place log_place = place::standard_error;
int log_descriptor = STDERR_FILENO; // open until the program ends

char const* name_of(log::severity how) noexcept
{
    switch (how) {
    case log::severity::error: return "error";
    case log::severity::warning: return "warning";
    case log::severity::info: return "info";
    case log::severity::debug: return "debug";
    }
    return "";
}

int priority_of(log::severity how) noexcept
{
    switch (how) {
    case log::severity::error: return LOG_ERR;
    case log::severity::warning: return LOG_WARNING;
    case log::severity::info: return LOG_INFO;
    case log::severity::debug: return LOG_DEBUG;
    }
    return LOG_ERR;
}

/// UTC, to the millisecond, as RFC 3339 has it.
std::string timestamp()
{
    using namespace std::chrono;
    auto const now = system_clock::now();
    std::time_t const seconds = system_clock::to_time_t(now);
    auto const rest = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[40];
    std::size_t const size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
    std::string const digits = std::to_string(1000 + rest);
    return std::string(text, size) + digits.substr(1) + 'Z';
}

system_log& the_system_log()
{
    static system_log log("exec-port", _PATH_LOG);
    return log;
}

/// A message is one line, whatever a program's name or a path has in it.
std::string one_line(std::string text)
{
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
            c = '?';
    return text;
}

} // namespace

log::severity log::threshold = severity::warning;
int log::debug_level = 0;

void log::to_terminal()
{
    // A terminal takes a part of a message and then waits for whoever has stopped it (Ctrl-S). A
    // descriptor of its own does not: O_NONBLOCK of the given one would be the VM's, too. Only of
    // one that may be written as it is.
    int const flags = ::fcntl(STDERR_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || ::isatty(STDERR_FILENO) == 0)
        return;
    int const fd =
        ::open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0)
        log_descriptor = fd;
}

int log::to_file(std::string const& path)
{
    // Append: several ports, and whoever cuts the file off, do not get in each other's way. A FIFO
    // that nobody reads is refused, rather than waited for.
    int const fd = ::open(path.c_str(),
                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        return errno;
    log_descriptor = fd;
    log_place = place::file;
    return 0;
}

void log::to_syslog()
{
    if (int const error = the_system_log().connect(); error != 0)
        warning(std::string("nobody takes messages for the system's log now: ") +
                std::strerror(error));
    log_place = place::system_log;
}

namespace {

/// @return False unless all was written: there is no room, and nothing here ever waits for it.
bool put_line(std::string line, std::string_view end)
{
    constexpr std::string_view more = "...";
    static bool has_stump = false; // of a line: the disk was full then
    if (has_stump)
        line.insert(0, end);
    if (std::size_t const most = PIPE_BUF - end.size(); line.size() > most)
        line.replace(most - more.size(), std::string::npos, more); // a pipe has room for that much
    line += end;
    pollfd p{log_descriptor, POLLOUT, 0};
    if (::poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
        return false;
    ssize_t const written = ::write(log_descriptor, line.data(), line.size());
    if (written > 0)
        has_stump = static_cast<std::size_t>(written) != line.size();
    return written > 0 && !has_stump;
}

bool put(log::severity how, std::string const& message)
{
    switch (log_place) {
    case place::system_log: return the_system_log().write(LOG_DAEMON | priority_of(how), message);
    case place::file:
        return put_line(timestamp() + ' ' + std::to_string(::getpid()) + ' ' + name_of(how) + ": " +
                            message,
                        "\n");
    case place::standard_error:
        return put_line("exec-port: " + message, "\r\n"); // a terminal may be in raw mode
    }
    return false;
}

} // namespace

void log::write(severity how, std::string const& text)
{
    static std::size_t lost = 0; // since the last one that went through
    if (lost != 0 && put(severity::warning, std::to_string(lost) + " messages are lost"))
        lost = 0;
    if (lost != 0 || !put(how, one_line(text)))
        ++lost;
}

} // namespace exec_port
