#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/assert/source_location.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <utility>

namespace test {

namespace asio = boost::asio;

/// Every deadline of the tests is scaled by EXECASIO_TEST_TIME_SCALE, for slow machines and tools.
inline std::chrono::milliseconds scaled(std::chrono::milliseconds time)
{
    char const* const scale = std::getenv("EXECASIO_TEST_TIME_SCALE");
    return scale ? time * std::max(1, std::atoi(scale)) : time;
}

/// Runs a coroutine to its end, or fails at a deadline; then lets the context run dry, since what
/// the library does in the background (reaping) is part of what is tested.
template <class Body>
void run_coroutine(Body body, std::chrono::seconds deadline = std::chrono::seconds(40),
                   boost::source_location where = BOOST_CURRENT_LOCATION)
{
    std::exception_ptr failure;
    bool finished = false;
    asio::io_context context(1);
    asio::co_spawn(context, std::move(body), [&](std::exception_ptr e) {
        failure = e;
        finished = true;
    });
    context.run_for(scaled(deadline));

    BOOST_TEST_INFO("coroutine started at " << where);
    BOOST_REQUIRE_MESSAGE(finished, "coroutine still pending at its deadline");
    BOOST_TEST_INFO("coroutine started at " << where);
    BOOST_CHECK_MESSAGE(context.stopped(), "background work still pending at the deadline");
    if (failure)
        std::rethrow_exception(failure);
}

/// Runs a coroutine beside the test; it must not fail.
template <class Body>
void in_background(asio::any_io_executor executor, Body body)
{
    asio::co_spawn(executor, std::move(body), [](std::exception_ptr e) { BOOST_TEST(!e); });
}

} // namespace test
