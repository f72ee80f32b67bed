#pragma once

#include <chrono>
#include <istream>
#include <string>

namespace execasio_tool {

/// A time as people write it on a command line: "500ms", "2s", "1.5m", "2h"; seconds without a
/// unit.
struct duration {
    std::chrono::milliseconds value{};
};

/// @throws std::invalid_argument with a text that says what is wrong and what would be right.
duration parse_duration(std::string const& text);

std::istream& operator>>(std::istream& in, duration& d); // for Boost.Program_options

/// "1.250 s"
std::string in_seconds(std::chrono::nanoseconds time);

} // namespace execasio_tool
