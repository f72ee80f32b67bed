#pragma once

#include "bench/plan.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace execasio_tool::bench {

/// What one run of a command took. Times in seconds.
struct sample {
    double wall = 0; ///< from just before the launch to the reap
    double user = 0;
    double system = 0;
    std::uint64_t peak_memory = 0; ///< bytes; an upper bound unless `memory_exact`
    long voluntary_switches = 0;
    long involuntary_switches = 0;
    long minor_faults = 0;
    long major_faults = 0;
    int status = 0; ///< as wait(2) stores it
    bool memory_exact = false;
    bool stopped = false; ///< by the time limit: its times say nothing about the command

    [[nodiscard]] double cpu() const noexcept { return user + system; }
    [[nodiscard]] bool failed() const noexcept { return stopped || status != 0; }
};

/// A benchmark and what came of it.
struct measurement {
    benchmark what;
    std::vector<sample> runs;
    std::optional<std::uint64_t> memory_run; ///< peak memory by a run of its own (memory_gauge.hpp)
    unsigned warmup_failures = 0;
};

/// The runs whose times count: all but those that were stopped.
std::vector<sample const*> counted_runs(measurement const& m);

/// One value of each run that counts.
std::vector<double> values_of(measurement const& m, double (*value)(sample const&));
std::vector<double> walls_of(measurement const& m);

/// How many runs failed, the stopped ones included.
std::size_t failures_of(measurement const& m);
std::size_t stopped_of(measurement const& m);

/// The peak memory of the command: the median of the runs, or that of the run of its own; nullopt
/// when all that is known is a bound.
std::optional<double> peak_memory_of(measurement const& m);

} // namespace execasio_tool::bench
