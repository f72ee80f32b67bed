#include "log.hpp"

#include <cerrno>
#include <chrono>
#include <ctime>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <syslog.h>
#include <unistd.h>

namespace exec_port {
namespace {

enum class place { standard_error, file, system_log };

place log_place = place::standard_error;
int log_file = -1; // open until the program ends

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

int log::to_file(std::string const& path)
{
    // Append: several ports, and whoever cuts the file off, do not get in each other's way. A FIFO
    // that nobody reads is refused, rather than waited for.
    int const fd = ::open(path.c_str(),
                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        return errno;
    log_file = fd;
    log_place = place::file;
    return 0;
}

void log::to_syslog()
{
    ::openlog("exec-port", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    log_place = place::system_log;
}

namespace {

/// Never waits: who does not read the messages must not hold up the port. What is lost is told when
/// there is room again.
void write_line(int fd, std::string line)
{
    static std::size_t lost = 0;
    if (line.size() > PIPE_BUF) // a pipe that has room has room for that much
        line.replace(PIPE_BUF - 5, std::string::npos, "...\r\n");
    pollfd p{fd, POLLOUT, 0};
    bool const has_room = ::poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
    if (has_room && lost != 0) {
        std::string const told = "exec-port: " + std::to_string(lost) + " messages are lost\r\n";
        lost = ::write(fd, told.data(), told.size()) < 0 ? lost : 0;
        write_line(fd, std::move(line));
        return;
    }
    if (!has_room || ::write(fd, line.data(), line.size()) < 0)
        ++lost;
}

} // namespace

void log::write(severity how, std::string const& text)
{
    std::string const message = one_line(text);
    if (log_place == place::system_log) {
        ::syslog(priority_of(how), "%s", message.c_str());
        return;
    }
    std::string line;
    if (log_place == place::file)
        line = timestamp() + ' ' + std::to_string(::getpid()) + ' ' + name_of(how) + ": " +
               message + '\n';
    else
        line = "exec-port: " + message + "\r\n"; // the VM's terminal may be in raw mode
    write_line(log_place == place::file ? log_file : STDERR_FILENO, std::move(line));
}

} // namespace exec_port
