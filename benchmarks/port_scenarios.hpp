#pragma once

#include "port_session.hpp"

#include <string>
#include <utility>
#include <vector>

namespace benchmark {

/// Figures of one run of a scenario, by name.
using port_figures = std::vector<std::pair<std::string, double>>;

struct port_scenario {
    std::string label;
    asio::awaitable<port_figures> (*run)(port_session& port, long long size);
    long long size;       ///< children, bytes or rounds
    long long quick_size; ///< for a smoke run
};

/// Each gets a fresh port program.
std::vector<port_scenario> const& port_scenarios();

} // namespace benchmark
