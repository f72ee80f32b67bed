#pragma once

#include "request.hpp"
#include "term.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace exec_port {

/// The text of `{error, Text}` when something is wrong, else nothing.
using complaint = std::optional<std::string>;

/// Stores an integer if the term is one and the type holds it. Never cuts bits off.
template <std::integral Number>
bool to_number(term const& t, Number& result) noexcept
{
    if (t.kind() != term_kind::integer || !std::in_range<Number>(t.value()))
        return false;
    result = static_cast<Number>(t.value());
    return true;
}

/// The elements of a 2-tuple.
std::optional<std::pair<term, term>> pair_of(term const& t) noexcept;

/// True if the text cannot be handed to the system, where it would end at its NUL byte.
bool has_nul(std::string_view text) noexcept;

using command_line = std::variant<std::string, std::vector<std::string>>;

/// The first argument of a run request.
complaint decode_command(term const& value, command_line& result);

bool command_is_empty(command_line const& command) noexcept;

/// Values of the options with a list: env, capabilities, pty. The name is for the complaint.
complaint decode_environment(std::string_view name, term const& value, environment_changes& result);
complaint decode_capabilities(std::optional<term> const& value, capability_choice& result);
complaint decode_pty_settings(std::string_view name, term const& value,
                              std::vector<pty_setting>& result);

} // namespace exec_port
