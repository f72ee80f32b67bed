#include "decode_values.hpp"

#include "capability_names.hpp"
#include "pty_options.hpp"

#include <cstddef>
#include <cstdint>

namespace exec_port {
namespace {

/// Splits at the first '='. A `{Name, Value}` pair goes the same way after being joined, so that
/// both forms of one variable always mean the same.
bool add_variable(std::string_view assignment, environment_changes& result)
{
    auto const equals = assignment.find('=');
    if (equals == 0 || equals == assignment.npos || has_nul(assignment))
        return false;
    result.changes.push_back(
        {std::string(assignment.substr(0, equals)), std::string(assignment.substr(equals + 1))});
    return true;
}

bool remove_variable(std::string name, environment_changes& result)
{
    if (name.empty() || name.find('=') != name.npos || has_nul(name))
        return false;
    result.changes.push_back({std::move(name), std::nullopt});
    return true;
}

bool decode_variable(term const& item, environment_changes& result)
{
    auto const pair = pair_of(item);
    if (!pair) {
        auto const assignment = to_text(item);
        return assignment && add_variable(*assignment, result);
    }

    auto name = to_text(pair->first);
    if (!name || name->empty())
        return false;
    if (pair->second.is_atom("false"))
        return remove_variable(std::move(*name), result);
    auto const value = to_text(pair->second);
    return value && add_variable(*name + '=' + *value, result);
}

} // namespace

std::optional<std::pair<term, term>> pair_of(term const& t) noexcept
{
    if (t.kind() != term_kind::tuple || t.size() != 2)
        return std::nullopt;
    term_cursor elements(t);
    auto const first = elements.next();
    auto const second = elements.next();
    if (!first || !second)
        return std::nullopt;
    return std::pair(*first, *second);
}

bool has_nul(std::string_view text) noexcept
{
    return text.find('\0') != text.npos;
}

complaint decode_command(term const& value, command_line& result)
{
    if (auto line = to_text(value)) {
        if (has_nul(*line))
            return "badarg: NUL byte in command";
        result = std::move(*line);
        return std::nullopt;
    }
    if (value.kind() != term_kind::list || !is_proper_list(value))
        return "badarg: cmd string, binary, or non-empty list is expected (type=" +
               std::to_string(static_cast<int>(value.type())) + ')';

    std::vector<std::string> words;
    words.reserve(value.size()); // checked: there are that many
    term_cursor items(value);
    while (auto const item = items.next()) {
        auto word = to_text(*item);
        if (!word || has_nul(*word))
            return "badarg: invalid command argument #" + std::to_string(words.size());
        words.push_back(std::move(*word));
    }
    result = std::move(words);
    return std::nullopt;
}

bool command_is_empty(command_line const& command) noexcept
{
    if (auto const* line = std::get_if<std::string>(&command))
        return line->empty();
    auto const* words = std::get_if<std::vector<std::string>>(&command);
    return !words || words->empty() || words->front().empty();
}

complaint decode_environment(std::string_view name, term const& value, environment_changes& result)
{
    if (!is_proper_list(value))
        return std::string(name) + " - list expected";
    std::size_t index = 0;
    term_cursor items(value);
    while (auto const item = items.next()) {
        if (item->is_atom("clear"))
            result.clear = true;
        else if (item->is_atom())
            return std::string(name) + " - invalid env option " + std::string(item->bytes());
        else if (!decode_variable(*item, result))
            return std::string(name) + " - invalid env argument #" + std::to_string(index);
        ++index;
    }
    return std::nullopt;
}

complaint decode_capabilities(std::optional<term> const& value, capability_choice& result)
{
    if (value && value->is_atom("all")) {
        result.all = true;
        return std::nullopt;
    }
    if (!value || !is_proper_list(*value))
        return "capabilities must be a list of atoms or 'all'";

    std::size_t index = 0;
    term_cursor items(*value);
    while (auto const item = items.next()) {
        if (!item->is_atom())
            return "badarg: capability#" + std::to_string(index) + " name not an atom";
        auto const number = capability_number(item->bytes());
        if (!number)
            return "badarg: capability '" + std::string(item->bytes()) + "' is invalid";
        result.mask |= std::uint64_t{1} << *number;
        ++index;
    }
    return std::nullopt;
}

complaint decode_pty_settings(std::string_view name, term const& value,
                              std::vector<pty_setting>& result)
{
    if (!is_proper_list(value))
        return std::string(name) + " - list expected";
    std::size_t index = 0;
    term_cursor items(value);
    while (auto const item = items.next()) {
        std::string const wrong = std::string(name) + " - invalid pty argument or value ";
        auto const pair = pair_of(*item);
        if (!pair || !pair->first.is_atom() || pair->first.bytes().empty())
            return wrong + '#' + std::to_string(index);
        auto const setting = to_pty_value(pair->first.bytes(), pair->second);
        if (!setting)
            return wrong + '\'' + std::string(pair->first.bytes()) + '\'';
        result.push_back({std::string(pair->first.bytes()), *setting});
        ++index;
    }
    return std::nullopt;
}

} // namespace exec_port
