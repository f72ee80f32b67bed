#pragma once

#include "support/no_leaks.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/scratch_directory.hpp"

#include <execasio/command.hpp>
#include <execasio/process.hpp>
#include <execasio/run.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <sstream>
#include <string>

#include <sys/types.h>

namespace test {

/// `execasio bench` with these arguments.
template <class... Words>
execasio::command bench(Words&&... words)
{
    return execasio::command(EXECASIO_TEST_TOOL, "bench", std::forward<Words>(words)...);
}

/// A command line for it that has the puppet do something.
inline std::string puppet_line(std::string const& verbs)
{
    return "'" + puppet_path() + "' " + verbs; // there may be spaces in it
}

/// Runs the tool to its end and keeps what it prints.
inline execasio::run_result run_tool(execasio::command const& cmd)
{
    execasio::run_result result;
    run_coroutine([&]() -> asio::awaitable<void> { result = co_await execasio::run(cmd); },
                  std::chrono::seconds(60));
    BOOST_TEST_INFO(result.output.text);
    BOOST_TEST_INFO(result.error.text);
    return result;
}

/// The number of the process whose line is next in the tool's output.
inline asio::awaitable<pid_t> number_from(execasio::process& tool)
{
    auto const line = co_await tool.output().read_line();
    BOOST_REQUIRE(line.has_value());
    pid_t pid = 0;
    std::istringstream(*line) >> pid;
    BOOST_REQUIRE(pid > 0);
    co_return pid;
}

inline boost::json::value run_for_json(execasio::command cmd, int code = 0)
{
    cmd.argument("--style").argument("none").argument("--export-json").argument("-");
    auto const result = run_tool(cmd);
    BOOST_TEST_INFO(result.error.text);
    BOOST_REQUIRE(result.how.code() == code);
    return boost::json::parse(result.output.text);
}

} // namespace test
