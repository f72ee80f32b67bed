#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

/// Builds terms in the external format, also those that a VM would encode in another way.
namespace etf {

inline std::string big_endian(std::uint64_t value, unsigned bytes)
{
    std::string out;
    while (bytes-- > 0)
        out += static_cast<char>(value >> (8 * bytes) & 0xff);
    return out;
}

inline std::string atom(std::string_view name)
{
    return 'd' + big_endian(name.size(), 2) + std::string(name);
}

inline std::string number(std::int64_t value)
{
    if (value >= 0 && value <= 255)
        return 'a' + big_endian(static_cast<std::uint64_t>(value), 1);
    if (value >= INT32_MIN && value <= INT32_MAX)
        return 'b' + big_endian(static_cast<std::uint64_t>(value), 4);
    std::string digits("n\x08", 2);
    digits += value < 0 ? '\1' : '\0';
    auto magnitude = static_cast<std::uint64_t>(value);
    if (value < 0)
        magnitude = 0 - magnitude;
    for (int i = 0; i < 8; ++i, magnitude >>= 8)
        digits += static_cast<char>(magnitude & 0xff);
    return digits;
}

inline std::string nil()
{
    return "j";
}

/// As the VM does it: the empty string is the empty list.
inline std::string text(std::string_view bytes)
{
    return bytes.empty() ? nil() : 'k' + big_endian(bytes.size(), 2) + std::string(bytes);
}

inline std::string binary(std::string_view bytes)
{
    return 'm' + big_endian(bytes.size(), 4) + std::string(bytes);
}

inline std::string real()
{
    return std::string("F\x3f\xf8\0\0\0\0\0\0", 9);
}

inline std::string joined(std::initializer_list<std::string> items)
{
    std::string out;
    for (std::string const& item : items)
        out += item;
    return out;
}

inline std::string tuple(std::initializer_list<std::string> items)
{
    return 'h' + big_endian(items.size(), 1) + joined(items);
}

inline std::string large_tuple(std::initializer_list<std::string> items)
{
    return 'i' + big_endian(items.size(), 4) + joined(items);
}

inline std::string improper(std::initializer_list<std::string> items, std::string_view tail)
{
    return 'l' + big_endian(items.size(), 4) + joined(items) + std::string(tail);
}

inline std::string list(std::initializer_list<std::string> items)
{
    return items.size() == 0 ? nil() : improper(items, nil());
}

inline std::string frame(std::string_view term)
{
    return '\x83' + std::string(term);
}

/// {Id, Instruction}
inline std::string request(std::int64_t id, std::string_view instruction)
{
    return frame(tuple({number(id), std::string(instruction)}));
}

} // namespace etf
