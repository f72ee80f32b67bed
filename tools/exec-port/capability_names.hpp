#pragma once

#include <optional>
#include <string_view>

namespace exec_port {

/// The number that Linux gives to a capability, from its name without `cap_`.
std::optional<unsigned> capability_number(std::string_view name) noexcept;

} // namespace exec_port
