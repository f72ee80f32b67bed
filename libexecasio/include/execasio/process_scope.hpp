#pragma once

#include "execasio/process.hpp"
#include "execasio/stop_plan.hpp"
#include "execasio/time_guards.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>

namespace execasio {

class process_scope;

/// What the failure of one process does to the others of its scope. A failure is an end by a signal
/// or with a code other than 0 that nobody here had asked for by a stop plan; an end by a time
/// guard is one.
enum class on_failure {
    nothing,
    end_scope, ///< the body is cancelled and all processes are stopped (`run_link` in Erlang)
};

/// The failure that ended a scope.
class member_failed : public boost::system::system_error {
public:
    member_failed(pid_t pid, exit_record const& record);

    [[nodiscard]] pid_t pid() const noexcept { return pid_; } ///< only good for messages
    [[nodiscard]] exit_record const& record() const noexcept { return record_; }

private:
    pid_t pid_;
    exit_record record_;
};

namespace detail {

struct scope_state;
asio::awaitable<void> run_scope(std::function<asio::awaitable<void>(process_scope&)> body);

} // namespace detail

/// The processes that belong to a part of a program: see `with_scope`.
///
/// @par Thread safety
/// Belongs to the executor (strand) of the coroutine that called `with_scope`.
class process_scope {
public:
    /// Spawns a process that ends with the scope at the latest.
    /// @param plan How it is stopped then.
    /// @return Shared with the scope, which lets go of it when the process has ended.
    /// @throws spawn_error, or `asio::error::operation_aborted` when the scope is ending.
    std::shared_ptr<process> spawn(command const& cmd, stop_plan plan = stop_plan(),
                                   on_failure failure = on_failure::nothing);

    /// Takes over a process of the same executor.
    /// @throws boost::system::system_error `errc::no_process`; operation_aborted as above: the
    ///     process is dropped then.
    std::shared_ptr<process> add(process p, stop_plan plan = stop_plan(),
                                 on_failure failure = on_failure::nothing);

    [[nodiscard]] std::size_t size() const noexcept; ///< how many have not ended

private:
    friend struct detail::scope_state;
    friend asio::awaitable<void>
    detail::run_scope(std::function<asio::awaitable<void>(process_scope&)> body);

    explicit process_scope(std::shared_ptr<detail::scope_state> state) noexcept;

    std::shared_ptr<detail::scope_state> state_;
};

/// Runs a coroutine whose processes do not outlive it. However it is left, by return, exception or
/// cancellation: all stop plans begin at once, and the ends are awaited. (A destructor could do no
/// more than kill.)
///
///     auto body = [&](execasio::process_scope& scope) -> asio::awaitable<void> {
///         auto const server = scope.spawn(command, plan);
///         co_await use(*server);
///     };
///     co_await execasio::with_scope(body);
///
/// The body is a named object, since a temporary with captures in an expression with `co_await` is
/// destroyed twice by g++ 12; it is copied. It runs as a coroutine of its own on the executor of
/// the caller.
///
/// @throws What the body throws; otherwise `member_failed` (also when the body was cancelled by
///     it); otherwise what kept a process from being stopped, such as EPERM: it goes on then, out
///     of this program's hands.
/// @par Cancellation
/// All types: the body is cancelled (`terminal`). Completes when all processes have ended, as
/// always: how long that may take is what the plans say.
template <class Body>
[[nodiscard]] asio::awaitable<void> with_scope(Body&& body)
{
    static_assert(std::is_lvalue_reference_v<Body>,
                  "give the body a name: auto body = ...; co_await with_scope(body)");
    return detail::run_scope(std::function<asio::awaitable<void>(process_scope&)>(body));
}

} // namespace execasio
