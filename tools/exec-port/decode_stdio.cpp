#include "decode_stdio.hpp"

namespace exec_port {
namespace {

/// The mode bits that open() knows.
constexpr std::int64_t mode_max = 07777;

std::string_view name_of_other(std::size_t descriptor) noexcept
{
    switch (descriptor) {
    case 1: return "stderr";
    case 2: return "stdout";
    default: return {};
    }
}

/// Words that stand for a target, and not for a file.
bool decode_word(std::string_view word, std::size_t descriptor, redirection& result)
{
    if (word == "null")
        result.to = redirection::target::null;
    else if (word == "close")
        result.to = redirection::target::closed;
    else if (!word.empty() && word == name_of_other(descriptor))
        result.to = redirection::target::other_output;
    else
        return false;
    return true;
}

complaint decode_target(option_arguments const& given, term const& value, std::size_t descriptor,
                        redirection& result)
{
    if (value.is_atom()) {
        if (decode_word(value.bytes(), descriptor, result))
            return std::nullopt;
        if (value.is_atom(given.name) && descriptor != 0)
            return "self-reference of " + std::string(given.name);
        return "invalid " + std::string(given.name) + " redirection option: '" +
               std::string(value.bytes()) + '\'';
    }

    auto text = to_text(value);
    if (!text || text->empty() || has_nul(*text))
        return std::string(given.name) + " - atom or string value in tuple required";
    // A string with one of the words means the word, as erlexec has it: "null" is /dev/null. A file
    // with such a name can be given as "./null".
    if (!decode_word(*text, descriptor, result)) {
        result.to = redirection::target::file;
        result.path = std::move(*text);
    }
    return std::nullopt;
}

complaint decode_file_option(option_arguments const& given, term const& item, redirection& result)
{
    if (item.is_atom("append")) {
        result.append = true;
        return std::nullopt;
    }
    auto const pair = pair_of(item);
    if (pair && pair->first.is_atom("mode") && to_number(pair->second, result.mode) &&
        pair->second.value() <= mode_max)
        return std::nullopt;

    term const name = pair ? pair->first : item;
    return "option " + std::string(given.name) + ": unsupported file option '" +
           std::string(name.is_atom() ? name.bytes() : std::string_view()) + '\'';
}

complaint decode_file(option_arguments const& given, term const& file, term const& file_options,
                      redirection& result)
{
    auto path = to_text(file);
    if (!path || path->empty() || has_nul(*path))
        return "filename must be a string for option " + std::string(given.name);
    if (!is_proper_list(file_options))
        return "option " + std::string(given.name) + " requires a list of file options";

    result.to = redirection::target::file;
    result.path = std::move(*path);
    term_cursor items(file_options);
    while (auto const item = items.next())
        if (auto wrong = decode_file_option(given, *item, result))
            return wrong;
    return std::nullopt;
}

} // namespace

complaint decode_stdio(option_arguments const& given, std::size_t descriptor, run_options& result)
{
    redirection& stream = result.streams[descriptor];
    if (!given.value) {
        stream.to = redirection::target::erlang;
        return std::nullopt;
    }
    if (!given.extra)
        return decode_target(given, *given.value, descriptor, stream);
    return decode_file(given, *given.value, *given.extra, stream);
}

complaint check_references(run_options const& options)
{
    if (options.streams[1].to == redirection::target::other_output &&
        options.streams[2].to == redirection::target::other_output)
        return "circular reference of stdout and stderr";
    return std::nullopt;
}

} // namespace exec_port
