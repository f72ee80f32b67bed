#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include <string>
#include <vector>

namespace execasio_tool {

/// Exit codes of the tool itself; otherwise it ends as the command did: with its code, or with 128
/// plus the signal's number. As timeout(1) and env(1) have them.
namespace exit_code {
inline constexpr int time_limit = 124;
inline constexpr int failed = 125;
inline constexpr int cannot_execute = 126;
inline constexpr int not_found = 127;
} // namespace exit_code

/// What a subcommand was called with.
struct invocation {
    boost::program_options::variables_map options;
    std::vector<std::string> command; ///< what follows the options, or "--"
};

/// @throws boost::program_options::error, std::invalid_argument
invocation parse(std::vector<std::string> const& arguments,
                 boost::program_options::options_description const& known);

int bench_subcommand(std::vector<std::string> const& arguments);
int run_subcommand(std::vector<std::string> const& arguments);
int port_subcommand(std::vector<std::string> const& arguments);
int features_subcommand(std::vector<std::string> const& arguments);

} // namespace execasio_tool
