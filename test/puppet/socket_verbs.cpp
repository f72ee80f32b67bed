// Where somebody can connect.

#include "script.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace puppet {
namespace {

template <class Address>
void listen_at(int family, Address const& address)
{
    int const fd = ::socket(family, SOCK_STREAM, 0);
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 ||
        ::listen(fd, 5) != 0)
        die("listen");
}

void listen_tcp(script& words)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(words.number()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_at(AF_INET, address);
}

void listen_tcp6(script& words)
{
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(words.number()));
    address.sin6_addr = in6addr_loopback;
    listen_at(AF_INET6, address);
}

void listen_unix(script& words)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    words.next().copy(address.sun_path, sizeof address.sun_path - 1);
    listen_at(AF_UNIX, address);
}

} // namespace

std::span<verb const> socket_verbs()
{
    static constexpr verb verbs[] = {
        {"listen-tcp", listen_tcp},
        {"listen-tcp6", listen_tcp6},
        {"listen-unix", listen_unix},
    };
    return verbs;
}

} // namespace puppet
