#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace execasio_tool::bench {

/// What does not change while it is measured.
struct machine_facts {
    std::string host, kernel, processor;
    unsigned cpus = 0;
    std::string
        governor; ///< of the frequency of the first CPU; empty when the kernel does not tell
};

machine_facts read_machine_facts();

/// What others do to the measurement, as counters at one moment.
struct machine_state {
    double busy = 0;   ///< seconds of all CPUs at work, since boot
    double stolen = 0; ///< seconds in which the hypervisor ran something else
    double total = 0;
    double own = 0;                ///< of `busy`: this program and the children it has reaped
    double load = 0;               ///< processes that want a CPU, mean of a minute
    std::vector<double> megahertz; ///< of each CPU; empty when the kernel does not tell
};

machine_state read_machine_state();

/// Parts of the machine's CPU time between two moments, 0 to 1.
struct disturbance {
    double others = 0;
    double stolen = 0;
    double frequency_change = 0; ///< of the highest of all CPUs, relative
};

disturbance disturbance_between(machine_state const& before, machine_state const& after);

} // namespace execasio_tool::bench
