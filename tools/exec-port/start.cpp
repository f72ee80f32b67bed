#include "start.hpp"

#include "failed_start.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace exec_port {
namespace {

/// For what tells of a start that has used up its time.
constexpr std::chrono::milliseconds least_time{1000};

} // namespace

using execasio::command;

execasio::process start(asio::any_io_executor executor, command const& cmd)
{
    try {
        try {
            return execasio::spawn(executor, cmd);
        } catch (execasio::spawn_error const& e) {
            return execasio::spawn(executor, stand_in_or_refuse(cmd, e));
        }
    } catch (execasio::spawn_error const& e) {
        throw start_refused(start_refusal(cmd, e));
    }
}

asio::awaitable<execasio::process> start_awaited(asio::any_io_executor executor, command cmd)
{
    std::optional<command> other;
    auto const deadline = std::chrono::steady_clock::now() + cmd.spawn_deadline();
    try {
        co_return co_await execasio::async_spawn(executor, cmd, asio::use_awaitable);
    } catch (execasio::spawn_error const& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        other = stand_in_or_refuse(cmd, e); // there is no co_await in a handler
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        other->spawn_deadline(std::max(left, least_time));
    }
    try {
        co_return co_await execasio::async_spawn(executor, *other, asio::use_awaitable);
    } catch (execasio::spawn_error const& e) {
        throw start_refused(start_refusal(cmd, e));
    }
}

} // namespace exec_port
