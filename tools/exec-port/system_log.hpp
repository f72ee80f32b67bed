#pragma once

#include <string>

namespace exec_port {

/// Messages to the system's log by its socket, as syslog(3) writes them (RFC 3164), but for one
/// thing: it never waits. A logger that does not read must not hold up whoever has something to
/// say.
class system_log {
public:
    /// @param name Of the program, as it stands before each message.
    /// @param path Of the socket: _PATH_LOG of <syslog.h>, unless for a test.
    explicit system_log(std::string name, std::string path);
    system_log(system_log const&) = delete;
    system_log& operator=(system_log const&) = delete;
    ~system_log();

    /// @param priority A facility and a level.
    /// @return False when there is nobody who takes it now.
    bool write(int priority, std::string const& message) noexcept;

    /// Done by `write` when it is needed.
    /// @return 0 or an errno.
    int connect() noexcept;

private:
    void disconnect() noexcept;

    std::string name_;
    std::string path_;
    int socket_ = -1;
};

} // namespace exec_port
