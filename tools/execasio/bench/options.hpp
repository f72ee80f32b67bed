#pragma once

#include <boost/program_options/options_description.hpp>

#include <iosfwd>

namespace execasio_tool::bench {

/// The options of `execasio bench`, in the groups that its help shows.
boost::program_options::options_description described_options();

void print_help(std::ostream& out, boost::program_options::options_description const& known);

} // namespace execasio_tool::bench
