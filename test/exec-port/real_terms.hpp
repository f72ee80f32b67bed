#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

/// Frames that a real VM encoded, for the tests of the decoder.
namespace real_terms {

enum class group {
    // terms
    integer,
    big_integer,
    atom,
    any_atom, // its name in this list is not its text
    real,
    nil,
    string,
    list,
    improper,
    binary,
    tuple,
    other,
    // frames
    request,
    refused,
    malformed,
};

struct sample {
    group what;
    std::string_view name; // for integers, atoms, strings and binaries: the contents
    char const* data;
    std::size_t size;

    std::string_view bytes() const { return {data, size}; }
    bool is_term() const { return what < group::request; }
};

inline constexpr sample samples[] = {
#include "real_terms.inc"
};

/// A copy that ends where its memory ends, so that a sanitizer sees every read behind it.
inline std::vector<char> exact(std::string_view bytes)
{
    return std::vector<char>(bytes.begin(), bytes.end());
}

inline std::string_view view(std::vector<char> const& bytes)
{
    return {bytes.data(), bytes.size()};
}

} // namespace real_terms
