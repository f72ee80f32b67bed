#include "system_log.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace exec_port {
namespace {

/// The local time, as RFC 3164 has it.
std::string timestamp()
{
    std::time_t const now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    char text[20];
    return {text, std::strftime(text, sizeof text, "%b %e %H:%M:%S", &parts)};
}

} // namespace

system_log::system_log(std::string name, std::string path)
    : name_(std::move(name)),
      path_(std::move(path))
{
}

system_log::~system_log()
{
    disconnect();
}

bool system_log::write(int priority, std::string const& message) noexcept
try {
    std::string const text = '<' + std::to_string(priority) + '>' + timestamp() + ' ' + name_ +
                             '[' + std::to_string(::getpid()) + "]: " + message;
    // A second time, since the logger may have been started anew, and does not know the first one.
    for (int tries = 0; tries < 2; ++tries) {
        if (connect() != 0)
            return false;
        if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) >= 0)
            return true;
        if (errno == EAGAIN || errno == ENOBUFS)
            return false; // it does not read
        disconnect();
    }
    return false;
} catch (std::bad_alloc const&) {
    return false;
}

int system_log::connect() noexcept
{
    if (socket_ >= 0)
        return 0;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path)
        return ENAMETOOLONG;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ >= 0 &&
        ::connect(socket_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0)
        return 0;
    int const error = errno;
    disconnect();
    return error;
}

void system_log::disconnect() noexcept
{
    if (socket_ >= 0)
        ::close(std::exchange(socket_, -1));
}

} // namespace exec_port
