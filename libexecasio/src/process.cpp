#include "execasio/process.hpp"

#include "process_state.hpp"

#include <boost/asio/use_awaitable.hpp>

namespace execasio {

asio::awaitable<exit_record> detail::wait_for(std::shared_ptr<process_state> state)
{
    if (!state)
        throw boost::system::system_error(errc::no_process);
    auto const executor = state->executor();
    co_return co_await asio::async_compose<asio::use_awaitable_t<> const,
                                           void(error_code, exit_record)>(
        exit_wait_operation(std::move(state)), asio::use_awaitable, executor);
}

process::process() noexcept = default;

process::process(std::shared_ptr<detail::process_state> state) noexcept : state_(std::move(state))
{
}

process::process(process&& other) noexcept = default;

process& process::operator=(process&& other) noexcept
{
    if (this != &other) {
        drop();
        state_ = std::move(other.state_);
    }
    return *this;
}

process::~process()
{
    drop();
}

void process::drop() noexcept
{
    if (auto const state = std::exchange(state_, nullptr))
        state->abandon();
}

process::executor_type process::get_executor() const
{
    if (!state_)
        throw boost::system::system_error(errc::no_process);
    return state_->executor();
}

pid_t process::id() const noexcept
{
    return state_ ? state_->pid() : 0;
}

bool process::running() const noexcept
{
    return state_ && !state_->ended();
}

bool process::poll()
{
    if (state_)
        state_->check();
    return running();
}

bool process::stopping() const noexcept
{
    return state_ && state_->stopping();
}

std::optional<exit_record> process::record() const
{
    if (!state_ || !state_->ended() || state_->failure())
        return std::nullopt;
    return state_->record();
}

namespace {

detail::process_state& require(std::shared_ptr<detail::process_state> const& state)
{
    if (!state)
        throw boost::system::system_error(errc::no_process);
    return *state;
}

} // namespace

input_stream& process::input()
{
    return require(state_).input;
}

output_stream& process::output()
{
    return require(state_).output;
}

output_stream& process::error()
{
    return require(state_).error;
}

pseudo_terminal& process::terminal()
{
    return require(state_).terminal;
}

asio::awaitable<exit_record> process::wait()
{
    return detail::wait_for(state_);
}

void process::signal(int number, error_code& ec) noexcept
{
    ec = state_ ? state_->signal(number) : make_error_code(errc::no_process);
}

void process::signal(int number)
{
    error_code ec;
    signal(number, ec);
    if (ec)
        throw boost::system::system_error(ec, "signal");
}

void process::signal_group(int number, error_code& ec) noexcept
{
    ec = state_ ? state_->signal_group(number) : make_error_code(errc::no_process);
}

void process::signal_group(int number)
{
    error_code ec;
    signal_group(number, ec);
    if (ec)
        throw boost::system::system_error(ec, "signal_group");
}

pid_t process::group() const noexcept
{
    return state_ ? state_->group() : 0;
}

void process::on_destroy(lifetime policy) noexcept
{
    if (state_)
        state_->change_lifetime(policy);
}

void process::detach() noexcept
{
    on_destroy(lifetime::detach);
    drop();
}

} // namespace execasio
