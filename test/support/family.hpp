#pragma once

#include "support/conditions.hpp"
#include "support/processes.hpp"
#include "support/puppet.hpp"

#include <execasio/command.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop_plan.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <signal.h>
#include <sys/types.h>

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

inline void kill_family(std::string const& word)
{
    for (pid_t const pid : processes_with_word(word))
        ::kill(pid, SIGKILL);
}

/// Blocks until so many of the family live; fails at a deadline.
inline void await_family(std::string const& word, std::size_t size)
{
    auto const end = std::chrono::steady_clock::now() + scaled(std::chrono::seconds(40));
    while (processes_with_word(word).size() < size) {
        if (std::chrono::steady_clock::now() >= end)
            throw std::runtime_error("a family does not grow to " + std::to_string(size));
        std::this_thread::yield();
    }
}

/// Blocks until no process of the family lives.
inline bool is_gone_within(std::string const& word, std::chrono::steady_clock::duration limit)
{
    auto const end = std::chrono::steady_clock::now() + limit;
    while (!processes_with_word(word).empty()) {
        if (std::chrono::steady_clock::now() >= end)
            return false;
        std::this_thread::yield();
    }
    return true;
}

/// A child with a grandchild; both do nothing.
inline execasio::command pair_of(std::string const& word)
{
    execasio::command cmd = puppet("fork", "pause-forever", "join", "pause-forever", word);
    cmd.input(execasio::stream::null).output(execasio::stream::null);
    return cmd;
}

} // namespace test
