#pragma once

#include "decode_values.hpp"

#include <optional>
#include <string_view>

namespace exec_port {

/// One element of an option list: `name`, `{name, Value}` or `{name, Value, Extra}`.
struct option_arguments {
    std::string_view name;
    std::optional<term> value;
    std::optional<term> extra;
};

/// The options of run and manage. The first wrong one is complained about.
complaint decode_options(term const& list, run_options& result);

} // namespace exec_port
