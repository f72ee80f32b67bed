#pragma once

#include <string>
#include <utility>
#include <vector>

namespace execasio_tool::bench {

/// A parameter of the commands and the values that it takes, one after the other.
struct scan {
    std::string name;
    std::vector<std::string> values;
    bool numeric = false; ///< a range of numbers: its plot has an axis with a scale
};

/// What each parameter is in one benchmark.
using assignment = std::vector<std::pair<std::string, std::string>>;

/// `first`, `first` + `step` and so on, up to and with `last`. In decimal arithmetic, so that 0.1
/// to 0.3 by 0.1 are three values that look as they were meant.
/// @throws std::invalid_argument
scan parse_range(std::string name, std::string const& first, std::string const& last,
                 std::string const& step);

/// A list "one,two,three"; "\," is a comma within a value. Numeric when all of them are numbers.
scan parse_list(std::string name, std::string const& values);

/// Every combination of the values; the last parameter changes fastest. One empty assignment
/// without parameters.
std::vector<assignment> combinations(std::vector<scan> const& scans);

/// Puts the values in the place of "{name}".
std::string substitute(std::string text, assignment const& values);

/// "n=3, mode=fast"
std::string to_text(assignment const& values);

} // namespace execasio_tool::bench
