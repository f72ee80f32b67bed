#pragma once

#include "bench/interrupts.hpp"
#include "bench/settings.hpp"

#include <execasio/command.hpp>
#include <execasio/exit_record.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace execasio_tool::bench {

/// Runs one child after the other, each in a process group of its own, of which nothing is left
/// when the child has ended.
class launcher {
public:
    launcher(settings const& s, interrupts& i);

    /// The command of a benchmark with its input, output, CPUs and group.
    [[nodiscard]] execasio::command measured(std::vector<std::string> words) const;

    /// A command around the runs: by a shell, its errors visible.
    [[nodiscard]] execasio::command helper(std::string const& line) const;

    /// Runs it to its end, or to that which the time limit or an interrupt makes of it.
    /// @param cmd Has to outlive the operation.
    /// @throws execasio::spawn_error
    asio::awaitable<execasio::exit_record> run_measured(execasio::command const& cmd);

    /// The same without time limit.
    asio::awaitable<execasio::exit_record> run_helper(execasio::command const& cmd);

private:
    settings const& settings_;
    interrupts& interrupts_;
};

} // namespace execasio_tool::bench
