#pragma once

#include "term.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace exec_port {

enum class pty_option_kind : std::uint8_t {
    character, // 0 to 255
    mode,      // true, false, 1 or 0
    speed,     // bits per second
};

/// A terminal mode of RFC 4254, section 8. How termios sets it is not known here.
struct pty_option {
    std::string_view name;
    pty_option_kind kind;
};

/// Nothing if there is no such option.
pty_option const* find_pty_option(std::string_view name) noexcept;

/// The number for a value, or nothing when the option cannot have it.
std::optional<std::int64_t> to_pty_value(pty_option const& option, term const& value) noexcept;

} // namespace exec_port
