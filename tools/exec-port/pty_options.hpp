#pragma once

#include "term.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace exec_port {

/// The number for the value of a terminal mode of RFC 4254, section 8: a flag may be true or false,
/// too. Nothing when there is no such mode, or when it cannot have that value.
std::optional<std::int64_t> to_pty_value(std::string_view name, term const& value) noexcept;

} // namespace exec_port
