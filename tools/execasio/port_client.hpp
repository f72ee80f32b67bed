#pragma once

#include "term.hpp"

#include <execasio/process.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace execasio_tool {

namespace asio = boost::asio;

/// The Erlang VM's side of a port program: writes requests, reads what comes back.
class port_client {
public:
    explicit port_client(execasio::process& port) : port_(port) {}

    asio::awaitable<void> run(std::int64_t id, std::vector<std::string> const& command,
                              std::int64_t kill_timeout);
    asio::awaitable<void> stop(std::int64_t id, int os_pid);

    /// The content of the next frame; nullopt when the port has closed its end.
    asio::awaitable<std::optional<std::string>> next();

private:
    asio::awaitable<void> send(std::string const& payload);
    asio::awaitable<bool> read_exactly(char* to, std::size_t size);

    execasio::process& port_;
};

} // namespace execasio_tool
