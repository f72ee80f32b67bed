#pragma once

#include "arguments.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

namespace benchmark {

namespace asio = boost::asio;

// Each runs one scenario by the library's ordinary interface and returns what to report.

asio::awaitable<boost::json::object> spawn_wait(arguments const& args);
asio::awaitable<boost::json::object> spawn_rss(arguments const& args);
asio::awaitable<boost::json::object> idle_load(arguments const& args);
asio::awaitable<boost::json::object> many_idle(arguments const& args);
asio::awaitable<boost::json::object> capture(arguments const& args);
asio::awaitable<boost::json::object> echo_latency(arguments const& args);
asio::awaitable<boost::json::object> timeout_accuracy(arguments const& args);
asio::awaitable<boost::json::object> loop_latency(arguments const& args);

} // namespace benchmark
