#pragma once

#include "support/no_leaks.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace test {

/// What a launch that is awaited throws, and how long that took.
struct outcome {
    execasio::stage where = execasio::stage::none;
    execasio::error_code why;
    std::chrono::steady_clock::duration time{};
};

inline asio::awaitable<outcome> outcome_of(execasio::command cmd)
{
    auto const ex = co_await asio::this_coro::executor;
    auto const begin = std::chrono::steady_clock::now();
    outcome result;
    try {
        execasio::process p =
            co_await execasio::async_spawn(ex, std::move(cmd), asio::use_awaitable);
        co_await p.wait();
    } catch (execasio::spawn_error const& e) {
        result.where = e.where();
        result.why = e.code();
    }
    result.time = std::chrono::steady_clock::now() - begin;
    BOOST_TEST(!has_children());
    co_return result;
}

/// An awaited launch by callback, which can be cancelled.
struct started_launch {
    asio::cancellation_signal cancel;
    std::optional<execasio::process> child;
    std::exception_ptr failure;

    void start(asio::any_io_executor const& ex, execasio::command cmd)
    {
        execasio::async_spawn(ex, std::move(cmd),
                              asio::bind_cancellation_slot(
                                  cancel.slot(), [this](std::exception_ptr e, execasio::process p) {
                                      failure = e;
                                      child = std::move(p);
                                  }));
    }
    outcome result() const
    {
        outcome o;
        try {
            if (failure)
                std::rethrow_exception(failure);
        } catch (execasio::spawn_error const& e) {
            o.where = e.where();
            o.why = e.code();
        }
        return o;
    }
};

} // namespace test
