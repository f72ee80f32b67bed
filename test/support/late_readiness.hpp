#pragma once

#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/print.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/ready.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <exception>

namespace test {

/// The child gets to where it is ready only after a byte of input; until then it is not.
inline asio::awaitable<void> check_late_readiness(execasio::command cmd, execasio::readiness how)
{
    auto const ex = co_await asio::this_coro::executor;
    execasio::process p = spawn_piped(ex, cmd);
    execasio::error_code ec =
        co_await error_of(execasio::ready(p, how, std::chrono::milliseconds(60)));
    BOOST_TEST(ec == asio::error::timed_out);
    bool done = false;
    asio::co_spawn(ex, execasio::ready(p, how, scaled(std::chrono::seconds(10))),
                   [&](std::exception_ptr e) {
                       BOOST_TEST(!e);
                       done = true;
                   });
    co_await p.input().write(asio::buffer("x", 1));
    co_await until([&] { return done; });
    co_await execasio::ready(p, how); // and it stays so
    co_await execasio::stop(p, execasio::stop_plan::kill());
}

} // namespace test
