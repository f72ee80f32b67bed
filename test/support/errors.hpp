#pragma once

#include <execasio/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <utility>

namespace test {

/// The error that an operation throws; none when it succeeds.
template <class T>
boost::asio::awaitable<execasio::error_code> error_of(boost::asio::awaitable<T> operation)
{
    try {
        co_await std::move(operation);
    } catch (boost::system::system_error const& e) {
        co_return e.code();
    }
    co_return execasio::error_code();
}

} // namespace test
