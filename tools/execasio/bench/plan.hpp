#pragma once

#include "bench/settings.hpp"

#include <string>
#include <vector>

namespace execasio_tool::bench {

/// One command with its parameters filled in, as it is run.
struct benchmark {
    std::string name; ///< in reports
    std::string line;
    assignment parameters;
    std::size_t command = 0; ///< which of the command lines it comes from; the reference's is last
    bool is_reference = false;
    std::string setup, prepare, conclude, cleanup; ///< empty: none
};

/// Benchmarks that take turns; one alone unless they are compared pair by pair.
using turn_group = std::vector<benchmark>;

/// What is to be run, in this order.
std::vector<turn_group> make_plan(settings const& s);

/// The line's words and those of the shell, if there is one.
/// @throws std::invalid_argument what `split_words` has against it.
std::vector<std::string> words_of(std::string const& line, settings const& s);

} // namespace execasio_tool::bench
