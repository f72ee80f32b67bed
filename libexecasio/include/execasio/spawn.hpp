#pragma once

#include "execasio/process.hpp"

#include <exception>
#include <memory>
#include <utility>

namespace execasio {

namespace detail {

class pending_launch;
struct spawn_operation;

// What the operation below needs of the hidden state.
std::shared_ptr<pending_launch> begin_launch(asio::any_io_executor executor, command cmd);
bool has_finished(pending_launch const& launch) noexcept;
exit_event& launch_event(pending_launch& launch) noexcept;
void cancel_launch(pending_launch& launch);
process end_launch(pending_launch& launch, std::exception_ptr& failure) noexcept;

} // namespace detail

/// Starts a program and returns when it has reached exec: a program that cannot be started is an
/// error here, not an exit code.
///
/// The launch takes the same time whatever the size of this program's memory and the number of its
/// descriptors. It blocks the calling thread until exec (about the time of one fork of a small
/// program): a caller that cannot spare that spawns from a thread of its own.
///
/// A child that changes its identity (`command::changes_identity`) is born with a copy of this
/// program's memory, and this call waits for it up to `command::spawn_deadline`: `async_spawn` does
/// not block meanwhile.
///
/// @param executor Runs all operations of the process.
/// @throws spawn_error which step failed, and why. Nothing is left behind, except that an output
///     file may have been created or emptied.
/// @par Thread safety
/// May be called from any number of threads at once.
[[nodiscard]] process spawn(asio::any_io_executor executor, command const& cmd);

/// As above, without exceptions for a failed launch; returns an empty `process` then.
[[nodiscard]] process spawn(asio::any_io_executor executor, command const& cmd, error_code& ec);

/// The general form of `spawn`: completes when the child has reached exec, or has failed to, and
/// never blocks for long. The time that fork(2) takes (for a change of identity) is spent at once,
/// as are the look-ups of users and groups; a child that keeps its identity is launched at once.
///
/// Completes with an empty `process` and a `spawn_error` when the launch failed; so do coroutines
/// get it thrown, with its stage. In the error's place of an errno:
/// - ETIMEDOUT: the child was not there by `command::spawn_deadline`, and was killed;
/// - `asio::error::operation_aborted`: cancelled.
///
/// @param executor Runs all operations of the process; the operation must be started on it.
/// @param cmd Copied.
/// @par Cancellation
/// All types: the child being born is killed, and the operation completes when it has ended. One
/// that has reached exec in the same instant is a success nevertheless.
/// @par Thread safety
/// As any operation of the process to come; different launches do not disturb each other.
template <asio::completion_token_for<void(std::exception_ptr, process)> Token>
auto async_spawn(asio::any_io_executor executor, command cmd, Token&& token);

/// Reserves the few low descriptor numbers that launches want once many descriptors are open.
/// Happens by itself, but a program that is going to hold thousands does well to call it first:
/// numbers below a few dozens are then still free. The 17 descriptors of a file in memory stay open
/// to the end of the program, close-on-exec. Does nothing where RLIMIT_NOFILE is below 256.
void prepare_spawning() noexcept;

struct detail::spawn_operation {
    // Not an aggregate, as exit_wait_operation.
    spawn_operation(asio::any_io_executor e, command c)
        : executor(std::move(e)),
          cmd(std::make_unique<command>(std::move(c)))
    {
    }

    asio::any_io_executor executor;
    std::unique_ptr<command> cmd; // until the launch has it
    std::shared_ptr<pending_launch> launch;
    std::exception_ptr failure;
    process child;
    std::shared_ptr<void> work; // where the handler is told, if not on `executor`
    enum class step { begin, awaited, told } next = step::begin;

    template <class Self>
    void operator()(Self& self, error_code = {})
    {
        switch (next) {
        case step::begin:
            next = step::awaited;
            self.reset_cancellation_state(asio::enable_total_cancellation());
            work = work_elsewhere(executor, self);
            launch = begin_launch(executor, std::move(*cmd));
            if (has_finished(*launch)) // never completes from within the call
                asio::post(here(self));
            else
                await(self);
            break;
        case step::awaited:
            if (!has_finished(*launch)) {
                cancel_launch(*launch); // the wait was; the next one is for the child's end
                if (!has_finished(*launch)) {
                    await(self);
                    break;
                }
            }
            next = step::told;
            child = end_launch(*launch, failure);
            launch.reset(); // what it holds is not to outlive the operation
            if (work)
                asio::dispatch(std::move(self));
            else
                self.complete(failure, std::move(child));
            break;
        case step::told: {
            auto const held = std::move(work);
            self.complete(failure, std::move(child));
            break;
        }
        }
    }

    template <class Self>
    void await(Self& self)
    {
        exit_event& event = launch_event(*launch);
        event.async_receive(here(self));
    }

    /// Goes on on the process's executor, as exit_wait_operation.
    template <class Self>
    auto here(Self& self)
    {
        asio::any_io_executor const own = executor; // self is about to be moved
        return asio::bind_executor(own, std::move(self));
    }
};

template <asio::completion_token_for<void(std::exception_ptr, process)> Token>
auto async_spawn(asio::any_io_executor executor, command cmd, Token&& token)
{
    detail::spawn_operation operation(executor, std::move(cmd));
    return asio::async_compose<Token, void(std::exception_ptr, process)>(std::move(operation),
                                                                         token, executor);
}

} // namespace execasio
