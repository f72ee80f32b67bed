#include "decode_options.hpp"

#include "decode_stdio.hpp"

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace exec_port {
namespace {

complaint about(option_arguments const& given, std::string_view what)
{
    return std::string(given.name).append(what);
}

/// Options that are a string. An empty one stands for the default, as if it had not been given.
template <std::optional<std::string> run_options::*Member>
complaint text_option(option_arguments const& given, run_options& result)
{
    auto text = given.value ? to_text(*given.value) : std::nullopt;
    if (!text || has_nul(*text))
        return about(given, " - bad option value");
    if (!text->empty())
        result.*Member = std::move(*text);
    return std::nullopt;
}

/// Options that are just there or not.
template <bool run_options::*Member>
complaint flag_option(option_arguments const&, run_options& result)
{
    result.*Member = true;
    return std::nullopt;
}

bool number_between(option_arguments const& given, int low, int high, std::optional<int>& result)
{
    int number = 0;
    if (!given.value || !to_number(*given.value, number) || number < low || number > high)
        return false;
    result = number;
    return true;
}

complaint user_option(option_arguments const& given, run_options& result)
{
    if (auto wrong = text_option<&run_options::user>(given, result))
        return wrong;
    if (!result.user)
        return "Invalid user : name is empty"; // must not fall back to the port's own user
    return std::nullopt;
}

complaint group_option(option_arguments const& given, run_options& result)
{
    auto const name = given.value ? to_text(*given.value) : std::nullopt;
    if (name && !name->empty())
        return about(given, " - a process group has a number, not a name");
    if (!given.value || given.value->kind() != term_kind::integer)
        return about(given, " - bad group value type (expected int or string)");
    int number = 0;
    if (!to_number(*given.value, number) || number < 0)
        return about(given, " - no such process group: " + std::to_string(given.value->value()));
    result.group = number;
    return std::nullopt;
}

complaint kill_timeout_option(option_arguments const& given, run_options& result)
{
    std::int64_t seconds = 0;
    if (!given.value || !to_number(*given.value, seconds))
        return about(given, " - invalid value");
    result.kill_timeout = std::max(seconds, std::int64_t{0}); // a time in the past is now
    return std::nullopt;
}

complaint nice_option(option_arguments const& given, run_options& result)
{
    if (!number_between(given, -20, 20, result.nice))
        return "nice option must be an integer between -20 and 20";
    return std::nullopt;
}

complaint success_exit_code_option(option_arguments const& given, run_options& result)
{
    if (!number_between(given, 0, 255, result.success_exit_code))
        return "success exit code must be an integer between 0 and 255";
    return std::nullopt;
}

complaint debug_option(option_arguments const& given, run_options& result)
{
    int level = 0;
    if (!given.value || !to_number(*given.value, level))
        return about(given, " - bad option value");
    result.debug = level;
    return std::nullopt;
}

complaint env_option(option_arguments const& given, run_options& result)
{
    if (!given.value)
        return about(given, " - list expected");
    return decode_environment(given.name, *given.value, result.env.emplace());
}

complaint capabilities_option(option_arguments const& given, run_options& result)
{
    return decode_capabilities(given.value, result.capabilities.emplace());
}

complaint pty_option_list(option_arguments const& given, run_options& result)
{
    auto& settings = result.pty.emplace();
    if (!given.value)
        return std::nullopt;
    return decode_pty_settings(given.name, *given.value, settings);
}

complaint winsz_option(option_arguments const& given, run_options& result)
{
    auto const size = given.value ? pair_of(*given.value) : std::nullopt;
    auto& winsz = result.winsz.emplace();
    if (!size || !to_number(size->first, winsz.rows) || !to_number(size->second, winsz.columns))
        return about(given, " - invalid winsz");
    return std::nullopt;
}

struct option_rule {
    std::string_view name;
    unsigned values_max; // what the tuple may hold besides the name
    complaint (*decode)(option_arguments const&, run_options&);
};

// Every rule gets to see the bare atom, too: those that need a value say so in their own words.
constexpr option_rule rules[] = {
    {"stdin", 2, stdio_option<0>},
    {"stdout", 2, stdio_option<1>},
    {"stderr", 2, stdio_option<2>},
    {"cd", 1, text_option<&run_options::cd>},
    {"env", 1, env_option},
    {"executable", 1, text_option<&run_options::executable>},
    {"kill", 1, text_option<&run_options::kill>},
    {"kill_timeout", 1, kill_timeout_option},
    {"kill_group", 0, flag_option<&run_options::kill_group>},
    {"group", 1, group_option},
    {"user", 1, user_option},
    {"nice", 1, nice_option},
    {"success_exit_code", 1, success_exit_code_option},
    {"pty", 1, pty_option_list},
    {"pty_echo", 0, flag_option<&run_options::pty_echo>},
    {"winsz", 1, winsz_option},
    {"capabilities", 1, capabilities_option},
    {"debug", 1, debug_option},
};

using seen_options = std::bitset<std::size(rules)>;

complaint decode_option(term const& item, seen_options& seen, run_options& result)
{
    bool const is_tuple = item.kind() == term_kind::tuple && (item.size() == 2 || item.size() == 3);
    if (!item.is_atom() && !is_tuple)
        return std::string("badarg: option must be {Cmd, Opt} or {Cmd, Opt, Args} or atom "
                           "(got tp=") +
               item.type() + ", arity=" + std::to_string(item.size()) + ')';

    term_cursor elements(item);
    term const head = is_tuple ? elements.next().value_or(term()) : item;
    if (!head.is_atom())
        return "badarg: invalid cmd option tuple";
    option_arguments const given{head.bytes(), elements.next(), elements.next()};

    auto const* rule = std::find_if(std::begin(rules), std::end(rules),
                                    [&](option_rule const& r) { return r.name == given.name; });
    if (rule == std::end(rules))
        return "badarg: unknown option '" + std::string(given.name) + '\'';
    auto const index = static_cast<std::size_t>(rule - std::begin(rules));
    if (seen.test(index))
        return "duplicate " + std::string(given.name) + " option specified";
    seen.set(index);

    if (rule->values_max == 0 && given.value)
        return "badarg: option '" + std::string(given.name) + "' takes no value";
    if (rule->values_max == 1 && given.extra)
        return "badarg: option '" + std::string(given.name) + "' takes one value";
    return rule->decode(given, result);
}

} // namespace

complaint decode_options(term const& list, run_options& result)
{
    if (!is_proper_list(list))
        return "option list expected";
    seen_options seen;
    term_cursor items(list);
    while (auto const item = items.next())
        if (auto wrong = decode_option(*item, seen, result))
            return wrong;
    return check_references(result);
}

} // namespace exec_port
