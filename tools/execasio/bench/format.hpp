#pragma once

#include "bench/settings.hpp"

#include <string>
#include <vector>

namespace execasio_tool::bench {

/// How a row of times is written: one unit, and no more decimals than the spread justifies.
struct time_format {
    double per_second = 1e3;
    char const* name = "ms";
    int decimals = 1;

    [[nodiscard]] std::string operator()(double seconds) const; ///< without the unit
    [[nodiscard]] std::string with_unit(double seconds) const;
};

/// @param typical In seconds; chooses the unit unless one is wanted.
/// @param spread As of the standard deviation (summary::spread); its second digit is the last that
/// is
///     shown, but two of the typical value always are. Zero when it is not known: three of that.
time_format format_for(double typical, double spread, time_unit wanted);

std::string fixed(double value, int decimals);

std::string in_bytes(double bytes);  ///< "1.1 MiB"
std::string in_percent(double part); ///< "12 %"
std::string in_ratio(double ratio);  ///< "1.234", three decimals below ten
std::string count_of(std::size_t n, char const* singular, char const* plural); ///< "3 runs"

/// "exit code 1 (3 runs), SIGKILL (1 run)", the most frequent first; from statuses of wait(2).
std::string describe_statuses(std::vector<int> const& statuses);

} // namespace execasio_tool::bench
