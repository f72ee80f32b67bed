#pragma once

#include "decode_options.hpp"

#include <cstddef>

namespace exec_port {

complaint decode_stdio(option_arguments const& given, std::size_t descriptor, run_options& result);

/// The stdin, stdout and stderr options.
template <std::size_t Descriptor>
complaint stdio_option(option_arguments const& given, run_options& result)
{
    return decode_stdio(given, Descriptor, result);
}

/// Looks at both outputs when all options are known: each of them may go to the other one.
complaint check_references(run_options const& options);

} // namespace exec_port
