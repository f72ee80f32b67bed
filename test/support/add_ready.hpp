#pragma once

#include "support/spawn_puppet.hpp"

#include <execasio/supervisor.hpp>

#include <boost/asio/awaitable.hpp>

#include <utility>

#include <sys/types.h>

namespace test {

/// Spawns one that is ready to be stopped.
template <class... Words>
asio::awaitable<pid_t> add_ready(execasio::supervisor& all, execasio::stop_plan plan,
                                 Words... words)
{
    execasio::process& p = all.spawn(ready_command(words...), std::move(plan));
    co_await await_ready(p.output());
    co_return p.id();
}

} // namespace test
