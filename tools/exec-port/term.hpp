#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace exec_port {

/// What a term is good for in a request. Which of its several encodings a VM chose does not matter.
enum class term_kind : std::uint8_t {
    atom,
    integer,
    big_integer, // does not fit 64 bits; no request has a use for it
    real,
    nil,    // the empty list, and so the empty string
    string, // STRING_EXT: a list of bytes in short form
    list,   // at least one element in practice; proper or not, see is_proper_list()
    binary,
    tuple,
    other, // well-formed, but never a valid argument: maps, pids, funs, references, bit strings...
};

/// One term of a checked frame.
///
/// A term is a view: it points into the bytes given to parse_term(), which must outlive it. So
/// decoding costs no memory, whatever counts and lengths a frame claims.
class term {
public:
    term() = default;

    term_kind kind() const noexcept { return kind_; }

    bool is_atom() const noexcept { return kind_ == term_kind::atom; }
    bool is_atom(std::string_view name) const noexcept { return is_atom() && bytes_ == name; }

    /// The type as error texts show it: the wire tag, where the encodings of atoms, floats, pids,
    /// ports and references count as one type each.
    char type() const noexcept { return type_; }

    /// The size field of the encoding: elements, pairs or bytes; 0 where there is none.
    std::uint32_t size() const noexcept { return size_; }

    /// The contents of an atom (in the character set in which it was sent), string or binary.
    std::string_view bytes() const noexcept { return bytes_; }

    /// The value when kind() is integer.
    std::int64_t value() const noexcept { return value_; }

private:
    friend class term_reader;
    friend class term_cursor;

    std::string_view bytes_; // of a container: its first element and all that follows in the frame
    std::int64_t value_ = 0;
    std::uint32_t size_ = 0;
    term_kind kind_ = term_kind::nil;
    char type_ = 'j';
};

/// Goes through the elements of a tuple or list (without the list's tail). Other terms have none.
class term_cursor {
public:
    explicit term_cursor(term const& container) noexcept;

    /// The next element, or nothing after the last one.
    std::optional<term> next() noexcept;

    /// What follows the last element of a list; to be called after next() returned nothing.
    std::optional<term> tail() noexcept;

private:
    std::string_view rest_;
    std::uint32_t left_ = 0;
};

/// Terms may be nested this deep, which is more than any frame of `{packet, 2}` has room for:
/// whatever an Erlang VM can send there is answered. Requests need 6 levels.
inline constexpr std::size_t term_depth_max = 32 * 1024;

/// Checks a whole frame: version byte, one term, nothing behind it. Runs in time linear to the
/// frame and takes memory for no more than its nesting, from the 33rd level on. Nothing is returned
/// for malformed frames, which include compressed terms: a port program has no reason to inflate
/// what it is sent.
std::optional<term> parse_term(std::string_view frame) noexcept;

/// True for a list that ends in nil, and for nil itself. A string is not a list here: where a list
/// of options or tuples is expected, a list of bytes is an error anyway.
bool is_proper_list(term const& t) noexcept;

/// The bytes of whatever may stand for a string: string, binary, nil, list of integers 0 to 255.
std::optional<std::string> to_text(term const& t);

} // namespace exec_port
