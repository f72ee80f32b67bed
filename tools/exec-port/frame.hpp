#pragma once

#include <cstddef>
#include <cstdint>

namespace exec_port {

/// The length in front of every frame, `{packet, 2}` of an Erlang port: the only place that knows
/// its width.
inline constexpr std::size_t frame_length_size = 2;

/// No frame holds more bytes, in either direction.
inline constexpr std::size_t frame_payload_max = (std::size_t{1} << (8 * frame_length_size)) - 1;

/// Writes the length of a frame, most significant byte first, to frame_length_size bytes.
constexpr void write_frame_length(char* to, std::size_t payload) noexcept
{
    for (std::size_t i = frame_length_size; i-- > 0; payload >>= 8)
        to[i] = static_cast<char>(payload & 0xff);
}

/// Reads what write_frame_length() wrote.
constexpr std::size_t read_frame_length(char const* from) noexcept
{
    std::size_t payload = 0;
    for (std::size_t i = 0; i < frame_length_size; ++i)
        payload = payload << 8 | static_cast<unsigned char>(from[i]);
    return payload;
}

} // namespace exec_port
