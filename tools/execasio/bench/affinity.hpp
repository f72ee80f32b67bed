#pragma once

#include <vector>

namespace execasio_tool::bench {

/// @throws std::invalid_argument naming one of them that this thread may not use.
void check_cpus(std::vector<unsigned> const& cpus);

/// Keeps this thread off the CPUs that commands are measured on, so that it does not take their
/// time; if it has others.
void keep_off(std::vector<unsigned> const& cpus) noexcept;

} // namespace execasio_tool::bench
