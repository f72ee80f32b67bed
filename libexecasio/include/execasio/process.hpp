#pragma once

#include "execasio/command.hpp"
#include "execasio/error.hpp"
#include "execasio/exit_record.hpp"
#include "execasio/input_stream.hpp"
#include "execasio/output_stream.hpp"
#include "execasio/pseudo_terminal.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/basic_channel.hpp>
#include <boost/asio/experimental/channel_traits.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <list>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <sys/types.h>

namespace execasio {

namespace asio = boost::asio;

class process;

namespace detail {

class process_state;
struct exit_wait_operation;

/// For a channel that nothing is ever sent through: an empty list, unlike the usual queue, takes no
/// memory.
struct exit_event_traits : asio::experimental::channel_traits<void(error_code)> {
    template <class...>
    struct rebind {
        using other = exit_event_traits;
    };
    template <class Element>
    struct container {
        using type = std::list<Element>;
    };
};

/// Closed when the process has ended. A timer that never expires would do as well, but costs a
/// system call each.
using exit_event =
    asio::experimental::basic_channel<asio::any_io_executor, exit_event_traits, void(error_code)>;

// What the operation below needs of the hidden state.
asio::any_io_executor executor_of(process_state& state) noexcept;
exit_event& begin_exit_wait(process_state& state);
bool has_ended(process_state const& state) noexcept;
void end_exit_wait(process_state& state, error_code& ec, exit_record& record);
void cancel_exit_wait(process_state& state) noexcept;

template <class Self>
std::shared_ptr<void> work_elsewhere(asio::any_io_executor const& own, Self const& self);

} // namespace detail

/// One child process, from its birth until its end is known.
///
/// Named by a pidfd where the kernel has them, so that no operation can reach another process that
/// got the same number. Sole owner, move-only. Made by `spawn`.
///
/// @par Thread safety
/// Belongs to the executor (strand) it was spawned with.
class process {
public:
    using executor_type = asio::any_io_executor;

    /// Holds no process: operations fail with `errc::no_process`.
    process() noexcept;
    process(process&& other) noexcept;
    process& operator=(process&& other) noexcept; ///< the old process is dropped as if destroyed

    /// Never blocks. A child that still runs is treated by its `lifetime`; one that is killed here
    /// is reaped in the background, for as long as the executor's context runs.
    ~process();

    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
    [[nodiscard]] executor_type get_executor() const;

    /// The process id; stays what it was after the end. 0 when there is no process.
    [[nodiscard]] pid_t id() const noexcept;

    /// False once the end has been seen, by a wait or by `poll`.
    [[nodiscard]] bool running() const noexcept;

    /// Looks whether it has ended, without waiting.
    bool poll();

    /// Whether a stop plan has begun: by `stop`, a time guard, or `at_exit`. Stays true after the
    /// end.
    [[nodiscard]] bool stopping() const noexcept;

    /// The record of a process whose end has been seen.
    [[nodiscard]] std::optional<exit_record> record() const;

    /// The ends of the pipes to the child; streams that are not open for all others. Closed with
    /// this object, unless copies of the handles (or operations) are left, which may outlive it.
    [[nodiscard]] input_stream& input();
    [[nodiscard]] output_stream& output();
    [[nodiscard]] output_stream& error();

    /// Window size and modes of the terminal that the child was given by `command::terminal`; not
    /// open for all others.
    [[nodiscard]] pseudo_terminal& terminal();

    /// Completes when the process has ended and was reaped; at once (but through the executor) when
    /// that has been. Any number of waits at a time, with any completion token.
    ///
    /// Completes with an error only when there is no record to be had:
    /// - `errc::status_lost`: other code reaped the child, or SIGCHLD is ignored, and the kernel
    ///   (before 6.15) does not remember; the process has ended all the same.
    ///
    /// @throws boost::system::system_error `errc::no_process`, from the call itself.
    /// The output of a process may end before or after it: see `output_stream`.
    /// @par Cancellation
    /// All types; meaning `total`: the process is not touched.
    template <asio::completion_token_for<void(error_code, exit_record)> Token>
    auto async_wait(Token&& token);

    /// As `async_wait`, for coroutines; throws its errors.
    [[nodiscard]] asio::awaitable<exit_record> wait();

    /// Sends a signal; 0 sends none, but checks. To a process that has ended, but is not yet
    /// reaped, it succeeds without effect, as kill(2).
    /// @throws boost::system::system_error `errc::already_ended`, `errc::no_process`, EPERM (the
    ///     child runs as somebody else), EINVAL (no such signal).
    void signal(int number);
    void signal(int number, error_code& ec) noexcept;

    /// Sends a signal to the process group that the child was started in.
    ///
    /// The child must have been started with a group of its own, a session, or `join`:
    /// `errc::no_process` otherwise, since the group would be the caller's. After the child was
    /// reaped only what is certain to be its group is reached (Linux 6.9, leaders);
    /// `errc::already_ended` otherwise.
    void signal_group(int number);
    void signal_group(int number, error_code& ec) noexcept;

    /// The group's id; 0 when the child was left in the parent's group.
    [[nodiscard]] pid_t group() const noexcept;

    void on_destroy(lifetime policy) noexcept; ///< changes what `command::on_destroy` said

    /// Lets the child go on by itself and forgets it: `on_destroy(lifetime::detach)` and
    /// destruction in one.
    void detach() noexcept;

private:
    friend struct process_access;

    explicit process(std::shared_ptr<detail::process_state> state) noexcept;
    void drop() noexcept;

    std::shared_ptr<detail::process_state> state_;
};

/// For the other parts of the library.
struct process_access {
    static process make(std::shared_ptr<detail::process_state> state) noexcept
    {
        return process(std::move(state));
    }
    static std::shared_ptr<detail::process_state> const& state(process const& p) noexcept
    {
        return p.state_;
    }
};

/// Work for the executor that a handler is to be told on, so that whoever runs it does not stop
/// before; nullptr when that is the operation's own, which the operation goes on on.
template <class Self>
std::shared_ptr<void> detail::work_elsewhere(asio::any_io_executor const& own, Self const& self)
{
    auto const there = asio::get_associated_executor(self, own);
    using executor = std::remove_const_t<decltype(there)>;
    if constexpr (std::is_same_v<executor, asio::any_io_executor>) {
        constexpr auto untracked = asio::execution::outstanding_work.untracked;
        if (asio::prefer(there, untracked) == asio::prefer(own, untracked))
            return nullptr;
    }
    return std::make_shared<asio::executor_work_guard<executor>>(there);
}

struct detail::exit_wait_operation {
    // Not an aggregate: g++ 12 destroys temporaries of those twice in a co_await expression.
    explicit exit_wait_operation(std::shared_ptr<process_state> s) noexcept : state(std::move(s)) {}

    /// For a handler that is told on another executor than the process's.
    struct outcome {
        std::shared_ptr<void> work;
        error_code failure;
        exit_record record;
    };

    std::shared_ptr<process_state> state;
    std::unique_ptr<outcome> elsewhere;
    enum class step { begin, ended, told } next = step::begin;

    template <class Self>
    void operator()(Self& self, error_code ec = {})
    {
        switch (next) {
        case step::begin: {
            next = step::ended;
            self.reset_cancellation_state(asio::enable_total_cancellation());
            asio::any_io_executor const own = executor_of(*state);
            if (auto work = work_elsewhere(own, self)) {
                elsewhere = std::make_unique<outcome>();
                elsewhere->work = std::move(work);
            }
            auto const waited_for = state;
            exit_event& event = begin_exit_wait(*waited_for);
            bool const has = has_ended(*waited_for);
            try {
                if (elsewhere)
                    await(event, has, asio::bind_executor(own, std::move(self)));
                else
                    await(event, has, std::move(self));
            } catch (...) { // out of memory
                cancel_exit_wait(*waited_for);
                throw;
            }
            break;
        }
        case step::ended: {
            // On the process's executor, also for who is to be told on another: what becomes of the
            // process is nobody else's business, and no other thread's.
            exit_record how;
            end_exit_wait(*state, ec, how);
            state.reset();
            if (!elsewhere) {
                self.complete(ec, how);
                break;
            }
            next = step::told;
            elsewhere->failure = ec;
            elsewhere->record = how;
            asio::dispatch(std::move(self));
            break;
        }
        case step::told: {
            auto const told = std::move(elsewhere);
            self.complete(told->failure, told->record);
            break;
        }
        }
    }

private:
    template <class Handler>
    static void await(exit_event& event, bool has_ended, Handler&& handler)
    {
        if (has_ended)
            asio::post(std::forward<Handler>(handler)); // never from within the call
        else
            event.async_receive(std::forward<Handler>(handler));
    }
};

template <asio::completion_token_for<void(error_code, exit_record)> Token>
auto process::async_wait(Token&& token)
{
    if (!state_)
        throw boost::system::system_error(errc::no_process);
    return asio::async_compose<Token, void(error_code, exit_record)>(
        detail::exit_wait_operation(state_), token, get_executor());
}

} // namespace execasio
