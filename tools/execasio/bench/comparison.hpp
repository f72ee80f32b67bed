#pragma once

#include "bench/sample.hpp"
#include "bench/statistics.hpp"

#include <optional>
#include <vector>

namespace execasio_tool::bench {

/// A command against its reference, pair by pair: the runs of one round of taking turns.
struct comparison {
    std::size_t measurement = 0; ///< index of the command's
    std::size_t reference = 0;   ///< index of the reference's
    std::vector<double> ratios; ///< of wall times, command to reference, in the order of the rounds
    double wall = 0;            ///< the median of them
    std::optional<interval> wall_interval; ///< 95 %; none with fewer than six pairs
    std::optional<double> cpu;             ///< the same for user plus system time
    std::optional<interval> cpu_interval;
};

inline constexpr double comparison_confidence = 0.95;

/// @return nullopt when there is no pair.
std::optional<comparison> compare_pairs(std::vector<measurement> const& all, std::size_t command,
                                        std::size_t reference);

/// What the figures allow to say.
enum class verdict { undecided, faster, slower };

verdict verdict_of(std::optional<interval> const& ratio);

} // namespace execasio_tool::bench
