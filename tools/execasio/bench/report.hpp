#pragma once

#include "bench/comparison.hpp"
#include "bench/machine.hpp"
#include "bench/sample.hpp"
#include "bench/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace execasio_tool::bench {

/// What this tool itself adds to a run: measured with a child that exits at once.
struct own_cost {
    double wall = 0; ///< median, from just before the launch to the reap
    double wall_least = 0;
    double wall_upper = 0; ///< 95 of 100 such runs were below
    double cpu = 0;        ///< user and system time of this tool for each run
    std::size_t runs = 0;
};

/// All that there is to tell.
struct report {
    bench::settings settings;
    std::string started; ///< local time, ISO 8601
    machine_facts machine;
    disturbance noise;
    double load = 0; ///< when it began
    std::optional<own_cost> cost;
    std::optional<double> shell_start; ///< what the shell takes for an empty line; median
    std::vector<measurement> measurements;
    std::vector<comparison> comparisons;
    std::string failure; ///< why it ended early; empty: it did not
    int signal = 0;      ///< which signal ended it early; 0: none
};

/// What the reader has to know about one measurement before he believes it.
std::vector<std::string> warnings_about(measurement const& m, report const& r);

/// And about all of them.
std::vector<std::string> warnings_about(report const& r);

/// The indices of the measurements in the order of the summary.
std::vector<std::size_t> summary_order(report const& r);

/// Median wall time relative to the reference's, or else to the fastest one's; pair by pair where
/// it was measured by turns. nullopt where there is nothing to compare.
struct relative {
    std::size_t to = 0;
    double ratio = 1;
};
std::optional<relative> relative_speed(report const& r, std::size_t index);

} // namespace execasio_tool::bench
