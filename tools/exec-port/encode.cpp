#include "encode.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <utility>

namespace exec_port {
namespace {

constexpr unsigned char magic = 131;

/// What a term begins with.
namespace tag {
constexpr unsigned char small_integer = 97;
constexpr unsigned char integer = 98;
constexpr unsigned char small_big = 110;
constexpr unsigned char small_tuple = 104;
constexpr unsigned char nil = 106;
constexpr unsigned char byte_list = 107;
constexpr unsigned char list = 108;
constexpr unsigned char binary = 109;
constexpr unsigned char small_atom_utf8 = 119; // understood by every VM that erlexec supports
} // namespace tag

/// Appends terms to a container of char: a string, or the fixed buffer of an output header.
template <class Bytes>
class term_writer {
public:
    explicit term_writer(Bytes& to) : to_(to) {}

    void byte(std::uint64_t value) { to_.push_back(static_cast<char>(value & 0xff)); }

    void big_endian(std::uint64_t value, unsigned bytes)
    {
        while (bytes-- > 0)
            byte(value >> (8 * bytes));
    }

    void tuple(unsigned arity)
    {
        byte(tag::small_tuple);
        byte(arity);
    }

    void atom(std::string_view name)
    {
        name = name.substr(0, 255);
        byte(tag::small_atom_utf8);
        byte(name.size());
        append(name);
    }

    void append(std::string_view bytes)
    {
        for (char c : bytes)
            to_.push_back(c);
    }

    /// The shortest form: what a VM would send for the same number.
    void number(std::int64_t value)
    {
        if (value >= 0 && value <= 255) {
            byte(tag::small_integer);
            byte(static_cast<std::uint64_t>(value));
        } else if (value >= std::numeric_limits<std::int32_t>::min() &&
                   value <= std::numeric_limits<std::int32_t>::max()) {
            byte(tag::integer);
            big_endian(static_cast<std::uint64_t>(value), 4);
        } else {
            big_number(value);
        }
    }

private:
    void big_number(std::int64_t value)
    {
        // Negated as unsigned: the lowest integer has no positive counterpart.
        auto magnitude = static_cast<std::uint64_t>(value);
        if (value < 0)
            magnitude = 0 - magnitude;
        unsigned digits = 8;
        while (magnitude >> (8 * (digits - 1)) == 0)
            --digits;

        byte(tag::small_big);
        byte(digits);
        byte(value < 0 ? 1 : 0);
        for (unsigned i = 0; i < digits; ++i)
            byte(magnitude >> (8 * i));
    }

    Bytes& to_;
};

/// A payload of `{Id, Reply}` in the making.
struct reply {
    explicit reply(std::int64_t id) : bytes(framing::length_max, '\0'), write(bytes)
    {
        write.byte(magic);
        write.tuple(2);
        write.number(id);
    }

    std::string bytes;
    term_writer<std::string> write;
};

/// Room for one output header.
struct header_bytes {
    void push_back(char c) noexcept { bytes[length++] = c; }

    std::array<char, output_header_max> bytes;
    std::size_t length = 0;
};

} // namespace

std::string encode_ok(std::int64_t id)
{
    reply r(id);
    r.write.atom("ok");
    return std::move(r.bytes);
}

std::string encode_ok(std::int64_t id, std::int64_t value)
{
    reply r(id);
    r.write.tuple(2);
    r.write.atom("ok");
    r.write.number(value);
    return std::move(r.bytes);
}

std::string encode_pid(std::int64_t id, int os_pid)
{
    reply r(id);
    r.write.tuple(2);
    r.write.atom("pid");
    r.write.number(os_pid);
    return std::move(r.bytes);
}

std::string encode_error(std::int64_t id, refusal const& why)
{
    reply r(id);
    r.write.tuple(2);
    r.write.atom("error");
    auto const text = std::string_view(why.reason()).substr(0, error_text_max);
    if (why.is_atom()) {
        r.write.atom(text);
    } else if (text.empty()) {
        r.write.byte(tag::nil);
    } else {
        r.write.byte(tag::byte_list);
        r.write.big_endian(text.size(), 2);
        r.write.append(text);
    }
    return std::move(r.bytes);
}

std::string encode_pids(std::int64_t id, std::span<int const> os_pids, std::size_t payload_max)
{
    reply r(id);
    if (!os_pids.empty()) {
        r.write.byte(tag::list);
        r.write.big_endian(os_pids.size(), 4);
        for (int os_pid : os_pids)
            r.write.number(os_pid);
    }
    r.write.byte(tag::nil);
    if (r.bytes.size() <= framing::length_max + payload_max)
        return std::move(r.bytes);
    return encode_error(id, refusal::text("list of " + std::to_string(os_pids.size()) +
                                          " processes does not fit a frame"));
}

std::string encode_exit_status(int os_pid, int status)
{
    reply r(0);
    r.write.tuple(3);
    r.write.atom("exit_status");
    r.write.number(os_pid);
    r.write.number(status);
    return std::move(r.bytes);
}

std::size_t write_output_header(char* end_of_header, output_stream stream, int os_pid,
                                std::size_t size) noexcept
{
    assert(size <= output_data_max);
    header_bytes header;
    term_writer write(header);
    write.byte(magic);
    write.tuple(2);
    write.number(0);
    write.tuple(3);
    write.atom(stream == output_stream::out ? "stdout" : "stderr");
    write.number(os_pid);
    write.byte(tag::binary);
    write.big_endian(size, 4);
    std::copy_n(header.bytes.data(), header.length, end_of_header - header.length);
    return header.length;
}

} // namespace exec_port
