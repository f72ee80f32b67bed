#include "execasio/process_scope.hpp"

#include "execasio/spawn.hpp"
#include "execasio/stop.hpp"
#include "pending_rests.hpp"
#include "process_state.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <list>

namespace execasio {
namespace detail {

using scope_body = std::function<asio::awaitable<void>(process_scope&)>;

struct scope_state : std::enable_shared_from_this<scope_state> {
    struct member {
        std::shared_ptr<process> proc;
        stop_plan plan;
        on_failure failure;
        asio::cancellation_signal stop_waiting;
    };

    explicit scope_state(asio::any_io_executor e)
        : executor(std::move(e)),
          changed(executor, asio::steady_timer::time_point::max())
    {
    }

    scope_state(scope_state const&) = delete;
    scope_state& operator=(scope_state const&) = delete;
    ~scope_state() { rests->forget(); }

    std::shared_ptr<process> add(process p, stop_plan plan, on_failure failure)
    {
        if (!p.valid())
            throw boost::system::system_error(errc::no_process);
        if (ending)
            throw boost::system::system_error(asio::error::operation_aborted, "process_scope");
        auto const one = std::make_shared<member>();
        one->proc = std::make_shared<process>(std::move(p));
        one->plan = std::move(plan);
        one->failure = failure;
        members.push_back(one);
        auto when_ended = [self = shared_from_this(), one](error_code ec,
                                                           exit_record const& record) {
            if (ec != asio::error::operation_aborted)
                self->ended(one, ec, record);
        };
        try {
            one->proc->async_wait(
                asio::bind_cancellation_slot(one->stop_waiting.slot(), when_ended));
        } catch (...) { // out of memory: nobody would tell its end
            members.remove(one);
            throw;
        }
        return one->proc;
    }

    void ended(std::shared_ptr<member> const& gone, error_code ec, exit_record const& record)
    {
        members.remove(gone);
        rests->add(process_access::state(*gone->proc));
        changed.cancel();
        bool const asked_for = ending || record.cause() == end_cause::stopped;
        if (asked_for || gone->failure == on_failure::nothing || (!ec && record.success()))
            return;
        if (ec)
            member_failure = std::make_exception_ptr(boost::system::system_error(ec));
        else
            member_failure = std::make_exception_ptr(member_failed(gone->proc->id(), record));
        end();
    }

    /// The body is to leave, the processes are to end.
    void end()
    {
        stop_members();
        if (!body_over) // the type that every operation honours, and a coroutine from its start on
            cancel_body.emit(asio::cancellation_type::terminal);
    }

    void stop_members()
    {
        if (std::exchange(ending, true))
            return;
        for (auto at = members.begin(); at != members.end();) {
            member& m = **at;
            error_code const ec = request_stop(*m.proc, m.plan);
            if (!ec) {
                ++at;
                continue;
            }
            // Nothing else is left to be done.
            if (!refusal)
                refusal = std::make_exception_ptr(boost::system::system_error(ec, "stop"));
            m.proc->on_destroy(lifetime::detach);
            m.stop_waiting.emit(asio::cancellation_type::terminal);
            at = members.erase(at);
        }
    }

    /// Waits for news; what the caller is cancelled with is the body's.
    static asio::awaitable<void> wait_for_change(std::shared_ptr<scope_state> self)
    {
        error_code ignored;
        co_await self->changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }

    asio::any_io_executor executor;
    asio::steady_timer changed; // never expires
    std::list<std::shared_ptr<member>> members;
    // Whoever waits for the rests holds this, too; nobody else does at the end.
    std::shared_ptr<pending_rests> rests =
        std::make_shared<pending_rests>([this] { changed.cancel(); });
    asio::cancellation_signal cancel_body;
    std::exception_ptr body_failure;
    std::exception_ptr member_failure;
    std::exception_ptr refusal;
    bool body_over = false;
    bool ending = false;
};

namespace {

/// Keeps the body, whose captures its coroutine refers to, and the scope as long as that runs.
asio::awaitable<void> run_body(std::shared_ptr<process_scope> scope, scope_body body)
{
    co_await body(*scope);
}

/// A coroutine thread of its own, so that what is set here of cancellation is nobody else's: once
/// cancelled it goes on waiting for the ends.
asio::awaitable<void> oversee(std::shared_ptr<scope_state> state,
                              std::shared_ptr<process_scope> scope, scope_body body)
{
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_await asio::this_coro::throw_if_cancelled(false);
    auto when_over = [state](std::exception_ptr e) {
        state->body_failure = e;
        state->body_over = true;
        state->changed.cancel();
    };
    asio::co_spawn(state->executor, run_body(std::move(scope), std::move(body)),
                   asio::bind_cancellation_slot(state->cancel_body.slot(), when_over));
    while (!state->body_over) {
        co_await scope_state::wait_for_change(state);
        asio::cancellation_state const cancelled = co_await asio::this_coro::cancellation_state;
        if (cancelled.cancelled() == asio::cancellation_type::none)
            continue;
        // Begins anew, so that another one is noticed as well.
        co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
        state->end();
    }
    state->stop_members();
    while (!state->members.empty() || !state->rests->empty())
        co_await scope_state::wait_for_change(state);
}

} // namespace

asio::awaitable<void> run_scope(scope_body body)
{
    auto const executor = co_await asio::this_coro::executor;
    auto const state = std::make_shared<scope_state>(executor);
    std::shared_ptr<process_scope> scope(new process_scope(state));
    co_await asio::co_spawn(executor, oversee(state, std::move(scope), std::move(body)),
                            asio::use_awaitable);
    // What the body threw when it was cancelled for a member's sake is no news.
    if (state->member_failure)
        std::rethrow_exception(state->member_failure);
    if (state->body_failure)
        std::rethrow_exception(state->body_failure);
    if (state->refusal)
        std::rethrow_exception(state->refusal);
}

} // namespace detail

member_failed::member_failed(pid_t pid, exit_record const& record)
    : system_error(make_error_code(errc::member_failed),
                   std::to_string(pid) + ": " + describe(record)),
      pid_(pid),
      record_(record)
{
}

process_scope::process_scope(std::shared_ptr<detail::scope_state> state) noexcept
    : state_(std::move(state))
{
}

std::shared_ptr<process> process_scope::spawn(command const& cmd, stop_plan plan,
                                              on_failure failure)
{
    if (state_->ending)
        throw boost::system::system_error(asio::error::operation_aborted, "process_scope");
    return add(execasio::spawn(state_->executor, cmd), std::move(plan), failure);
}

std::shared_ptr<process> process_scope::add(process p, stop_plan plan, on_failure failure)
{
    return state_->add(std::move(p), std::move(plan), failure);
}

std::size_t process_scope::size() const noexcept
{
    return state_->members.size();
}

} // namespace execasio
