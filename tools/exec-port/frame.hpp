#pragma once

#include <cstddef>
#include <cstdint>

namespace exec_port {

/// How frames are told apart: by a length in front of each, as `{packet, 2}` or `{packet, 4}` of an
/// Erlang port. The only place that knows its width.
class framing {
public:
    /// The widest length; encoders leave so much room in front of a payload.
    static constexpr std::size_t length_max = 4;

    static constexpr framing packet_2() noexcept { return framing(2, 0xffff); }

    /// What a frame may hold then is bounded here, so that a length that is garbage is not taken
    /// for a request to allocate gigabytes.
    static constexpr framing packet_4() noexcept { return framing(4, std::size_t{64} << 20); }

    [[nodiscard]] constexpr std::size_t length_size() const noexcept { return length_size_; }

    /// No frame holds more bytes, in either direction.
    [[nodiscard]] constexpr std::size_t payload_max() const noexcept { return payload_max_; }

    /// Writes the length of a payload, most significant byte first, right in front of it.
    /// @return Where the frame begins.
    constexpr char* write_length(char* begin_of_payload, std::size_t payload) const noexcept
    {
        char* at = begin_of_payload;
        for (std::size_t i = 0; i < length_size_; ++i, payload >>= 8)
            *--at = static_cast<char>(payload & 0xff);
        return at;
    }

    /// Reads what write_length() wrote.
    [[nodiscard]] constexpr std::size_t read_length(char const* from) const noexcept
    {
        std::size_t payload = 0;
        for (std::size_t i = 0; i < length_size_; ++i)
            payload = payload << 8 | static_cast<unsigned char>(from[i]);
        return payload;
    }

private:
    constexpr framing(std::size_t length_size, std::size_t payload_max) noexcept
        : length_size_(length_size),
          payload_max_(payload_max)
    {
    }

    std::size_t length_size_;
    std::size_t payload_max_;
};

} // namespace exec_port
