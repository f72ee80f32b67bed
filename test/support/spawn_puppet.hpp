#pragma once

#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/this_coro.hpp>

#include <string>
#include <utility>

namespace test {

/// Spawns a command whose output is a pipe.
inline execasio::process spawn_with_output(asio::any_io_executor executor, execasio::command cmd)
{
    cmd.output(execasio::stream::pipe);
    return execasio::spawn(executor, cmd);
}

/// Spawns a puppet whose output is a pipe.
template <class... Words>
execasio::process spawn_with_output(asio::any_io_executor executor, Words&&... words)
{
    return spawn_with_output(executor, puppet(std::forward<Words>(words)...));
}

/// Spawns a command whose input and output are pipes.
inline execasio::process spawn_piped(asio::any_io_executor executor, execasio::command cmd)
{
    cmd.input(execasio::stream::pipe).output(execasio::stream::pipe);
    return execasio::spawn(executor, cmd);
}

/// Spawns a puppet whose input and output are pipes.
template <class... Words>
execasio::process spawn_piped(asio::any_io_executor executor, Words&&... words)
{
    return spawn_piped(executor, puppet(std::forward<Words>(words)...));
}

/// Spawns a puppet that goes by the words, and ends, as soon as its input is closed.
template <class... Words>
execasio::process spawn_gated(asio::any_io_executor executor, Words&&... words)
{
    execasio::command cmd = puppet("await", std::forward<Words>(words)...);
    cmd.input(execasio::stream::pipe);
    return execasio::spawn(executor, cmd);
}

/// A puppet that goes by the words, says "ready" and runs on until it is stopped.
template <class... Words>
execasio::command ready_command(Words&&... words)
{
    execasio::command cmd = puppet(std::forward<Words>(words)..., "say", "ready", "pause-forever");
    cmd.output(execasio::stream::pipe);
    return cmd;
}

inline asio::awaitable<void> await_ready(execasio::output_stream out)
{
    auto const line = co_await out.read_line();
    BOOST_REQUIRE(line.value() == "ready");
}

/// Spawns a puppet that goes by the words, and waits until it has.
template <class... Words>
asio::awaitable<execasio::process> ready_puppet(Words... words)
{
    auto const executor = co_await asio::this_coro::executor;
    execasio::process p = execasio::spawn(executor, ready_command(words...));
    co_await await_ready(p.output());
    co_return p;
}

/// A group of a leader and its descendant, which tells its own number first; both run until they
/// are stopped.
inline execasio::command group_of_two()
{
    execasio::command cmd = puppet("fork", "ids", "pause-forever", "join", "pause-forever");
    cmd.output(execasio::stream::pipe).group(execasio::process_group::create());
    return cmd;
}

/// The number at the beginning of the next line.
inline asio::awaitable<pid_t> read_pid(execasio::output_stream out)
{
    auto const line = co_await out.read_line();
    co_return static_cast<pid_t>(std::stol(line.value()));
}

} // namespace test
