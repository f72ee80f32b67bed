#pragma once

#include "execasio/process.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace execasio {

namespace detail {
class ready_watch;
} // namespace detail

/// How a process shows that it is ready for its work, such as a server that accepts connections.
///
/// A value. Given to `ready` by those who wait for it, and to `time_guards::ready_within` to have a
/// process stopped that does not get there.
class readiness {
public:
    using line_predicate = std::function<bool(std::string_view line)>;

    /// A line of standard output that contains a text.
    static readiness line(std::string text);

    /// A line of standard output that a function says yes to. Called for each complete line,
    /// without its '\n', as it is read; of lines longer than 64 KiB with their beginning. Must not
    /// throw.
    static readiness line(line_predicate matches);

    /// The same lines, but of standard error.
    readiness& on_error() noexcept;

    /// Something written to a descriptor: `number` (3 or more) of the child, which is what s6 calls
    /// notification-fd. Makes a pipe and adds it to the command, to be spawned while this object
    /// or a copy of it lives; for one process.
    ///
    /// Closing it without a write means nothing: it also happens when the process dies.
    /// @throws boost::system::system_error EMFILE and the like.
    static readiness descriptor(command& cmd, int number);

    /// A TCP port of this machine (127.0.0.1 or ::1) that accepts connections. It is tried, with
    /// growing pauses of 10 to 250 ms: the server sees connections that are closed at once. Cannot
    /// tell the process from another program that has the port.
    static readiness port(std::uint16_t number) noexcept;

    /// As `port`, for a Unix domain socket (unix(7)); a socket of another type than SOCK_STREAM
    /// counts as soon as it is bound.
    /// @throws boost::system::system_error `asio::error::name_too_long`.
    static readiness unix_socket(std::string path);

private:
    friend class detail::ready_watch;
    struct notification;
    enum class kind : unsigned char { line, descriptor, port, unix_socket };

    explicit readiness(kind what) noexcept : kind_(what) {}

    kind kind_;
    bool on_error_ = false;
    std::uint16_t port_ = 0;
    std::string path_;
    line_predicate matches_;
    std::shared_ptr<notification const> notification_;
};

/// Completes when a process is ready.
///
/// A line is looked for by reading ahead: nobody else may read that stream meanwhile, and what was
/// read, that line included, is there for later reads. To look for it beside a reader use
/// `time_guards::ready_within`.
///
/// @param p Need not outlive the operation.
/// @param within Counted from now.
/// @throws boost::system::system_error
///   - `asio::error::timed_out`;
///   - `errc::not_ready`: the process has ended, or closed the stream, and was not ready before;
///   - `errc::output_too_long`: one MiB was read ahead and the line was not in it;
///   - `errc::not_piped`, `errc::no_process`.
/// @par Cancellation
/// All types; meaning `total`.
[[nodiscard]] asio::awaitable<void>
ready(process& p, readiness how,
      std::chrono::milliseconds within = std::chrono::milliseconds::max());

} // namespace execasio
