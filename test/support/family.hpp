#pragma once

#include "support/conditions.hpp"
#include "support/processes.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop_plan.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace test {

inline execasio::stop_plan tree_plan(execasio::stop_plan::duration grace)
{
    return execasio::stop_plan().grace(grace).target(execasio::stop_target::tree);
}

/// Spawns a command that starts others, and waits until so many have the word among their
/// arguments.
inline asio::awaitable<execasio::process> started(execasio::command cmd, std::string word,
                                                  std::size_t size)
{
    auto const ex = co_await asio::this_coro::executor;
    execasio::process p = execasio::spawn(ex, cmd);
    co_await until([&] { return processes_with_word(word).size() == size; });
    co_return p;
}

/// The same for a puppet that starts a daemon: the one in between is gone, too.
inline asio::awaitable<execasio::process> started_with_daemon(execasio::command cmd,
                                                              std::string word, std::size_t size)
{
    execasio::process p = co_await started(std::move(cmd), word, size);
    co_await until([&] {
        return status_of(p.id(), "Name") == "has-daemon" &&
               processes_with_word(word).size() == size;
    });
    co_return p;
}

} // namespace test
