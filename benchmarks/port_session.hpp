#pragma once

#include "port_client.hpp"

#include <execasio/process.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace benchmark {

namespace asio = boost::asio;

/// What a port program says, as far as the scenarios want to know.
struct port_event {
    enum class kind { started, ended, output, other };
    kind what = kind::other;
    std::int64_t request = 0; ///< started: which request it answers
    int pid = 0;
    int status = 0;        ///< ended: as wait(2) has it
    std::size_t bytes = 0; ///< output
};

/// A running port program, which is talked to as an Erlang VM does.
class port_session {
public:
    /// @param path Any program that speaks the protocol on its standard streams.
    port_session(asio::any_io_executor executor, std::string const& path);

    asio::awaitable<std::int64_t> run(std::vector<std::string> command,
                                      std::int64_t kill_timeout = 5);
    asio::awaitable<void> stop(int pid);

    /// @throws std::runtime_error when the port program is gone, refuses, or says nothing for long.
    asio::awaitable<port_event> next();

    /// Ends its input and waits until it has gone.
    asio::awaitable<execasio::exit_record> shut_down();

    /// CPU time of the port program itself, in seconds.
    [[nodiscard]] double cpu() const;

private:
    std::shared_ptr<execasio::process> port_;
    execasio_tool::port_client client_;
    asio::steady_timer deadline_;
    std::int64_t last_request_ = 0;
};

} // namespace benchmark
