#pragma once

#include "support/forked.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <utility>

namespace test {

/// As `run_coroutine`, in the body of `failure_in_fork`, where Boost.Test cannot report.
template <class Body>
void run_in_fork(Body body)
{
    asio::io_context context(1);
    std::exception_ptr failure;
    bool finished = false;
    asio::co_spawn(context, std::move(body), [&](std::exception_ptr e) {
        failure = e;
        finished = true;
    });
    context.run_for(scaled(std::chrono::seconds(40)));
    if (failure)
        std::rethrow_exception(failure);
    ensure(finished, "still pending at the deadline");
}

} // namespace test
