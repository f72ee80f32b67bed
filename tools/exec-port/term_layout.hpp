#pragma once

#include "term.hpp"

#include <array>
#include <cstdint>
#include <iterator>

namespace exec_port {

/// How a term of one tag is laid out: tag, size field, child terms, payload bytes. In this order:
/// no tag has both a payload in front of its children and one behind them.
struct term_layout {
    unsigned char tag;
    char type;
    term_kind kind;
    std::uint8_t size_field; // bytes
    std::uint8_t children = 0;
    std::uint8_t children_per_size = 0;
    std::int8_t payload = 0;
    std::uint8_t payload_per_size = 0;
};

inline constexpr term_layout term_layouts[] = {
    {'a', 'a', term_kind::integer, 0, 0, 0, 1, 0},     // SMALL_INTEGER
    {'b', 'b', term_kind::integer, 0, 0, 0, 4, 0},     // INTEGER
    {'n', 'n', term_kind::big_integer, 1, 0, 0, 1, 1}, // SMALL_BIG: sign, digits
    {'o', 'o', term_kind::big_integer, 4, 0, 0, 1, 1}, // LARGE_BIG
    {'c', 'c', term_kind::real, 0, 0, 0, 31, 0},       // FLOAT, as text
    {'F', 'c', term_kind::real, 0, 0, 0, 8, 0},        // NEW_FLOAT
    {'d', 'd', term_kind::atom, 2, 0, 0, 0, 1},        // ATOM, latin1
    {'s', 'd', term_kind::atom, 1, 0, 0, 0, 1},        // SMALL_ATOM, latin1
    {'v', 'd', term_kind::atom, 2, 0, 0, 0, 1},        // ATOM_UTF8
    {'w', 'd', term_kind::atom, 1, 0, 0, 0, 1},        // SMALL_ATOM_UTF8
    {'j', 'j', term_kind::nil, 0},                     // NIL
    {'k', 'k', term_kind::string, 2, 0, 0, 0, 1},      // STRING
    {'l', 'l', term_kind::list, 4, 1, 1, 0, 0},        // LIST: elements, tail
    {'m', 'm', term_kind::binary, 4, 0, 0, 0, 1},      // BINARY
    {'h', 'h', term_kind::tuple, 1, 0, 1, 0, 0},       // SMALL_TUPLE
    {'i', 'i', term_kind::tuple, 4, 0, 1, 0, 0},       // LARGE_TUPLE
    {'t', 't', term_kind::other, 4, 0, 2, 0, 0},       // MAP: keys and values
    {'M', 'M', term_kind::other, 4, 0, 0, 1, 1},       // BIT_BINARY: bits in the last byte, bytes
    {'g', 'g', term_kind::other, 0, 1, 0, 9, 0},       // PID: node, id, serial, creation
    {'X', 'g', term_kind::other, 0, 1, 0, 12, 0},      // NEW_PID
    {'f', 'f', term_kind::other, 0, 1, 0, 5, 0},       // PORT: node, id, creation
    {'Y', 'f', term_kind::other, 0, 1, 0, 8, 0},       // NEW_PORT
    {'x', 'f', term_kind::other, 0, 1, 0, 12, 0},      // V4_PORT
    {'e', 'r', term_kind::other, 0, 1, 0, 5, 0},       // REFERENCE: node, id, creation
    {'r', 'r', term_kind::other, 2, 1, 0, 1, 4},       // NEW_REFERENCE: node, creation, id words
    {'Z', 'r', term_kind::other, 2, 1, 0, 4, 4},       // NEWER_REFERENCE
    {'q', 'q', term_kind::other, 0, 3, 0, 0, 0},       // EXPORT: module, function, arity
    {'u', 'u', term_kind::other, 4, 4, 1, 0, 0},       // FUN: pid, module, index, uniq, variables
    {'p', 'p', term_kind::other, 4, 0, 0, -4, 1},      // NEW_FUN: its size counts the size field
};

/// What term_layout_index holds for a tag that is none.
inline constexpr std::uint8_t no_term_layout = 0xff;

/// The row of a tag.
inline constexpr std::array<std::uint8_t, 256> term_layout_index = [] {
    std::array<std::uint8_t, 256> index{};
    index.fill(no_term_layout);
    for (std::uint8_t row = 0; row < std::size(term_layouts); ++row)
        index[term_layouts[row].tag] = row;
    return index;
}();

} // namespace exec_port
