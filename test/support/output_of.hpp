#pragma once

#include "support/run_coroutine.hpp"

#include <execasio/run.hpp>

#include <string>
#include <utility>

namespace test {

/// What a command prints that must succeed and not complain.
inline asio::awaitable<std::string> output_of(execasio::command cmd)
{
    execasio::run_result const result = co_await execasio::run(std::move(cmd));
    BOOST_TEST(execasio::describe(result.how) == "exit code 0");
    BOOST_TEST(result.error.text == "");
    co_return result.output.text;
}

} // namespace test
