#pragma once

#include "frame.hpp"
#include "refusal.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace exec_port {

// Every encode function returns a payload, with framing::length_max bytes in front of it for the
// length. The first parameter is the transaction id, which goes back as it came. What has no bound
// named here fits the narrowest frame.

/// `{Id, ok}`
std::string encode_ok(std::int64_t id);

/// `{Id, {ok, Value}}`
std::string encode_ok(std::int64_t id, std::int64_t value);

/// `{Id, {pid, OsPid}}`
std::string encode_pid(std::int64_t id, int os_pid);

/// `{Id, {error, Reason}}`. A text is sent as a list of bytes, cut after error_text_max of them;
/// an atom's name after 255.
std::string encode_error(std::int64_t id, refusal const& why);

inline constexpr std::size_t error_text_max = 65'000;

/// `{Id, [OsPid]}`. A list that does not fit a frame (13,103 processes always do) becomes an
/// `{error, Text}`: a shortened list would make living processes look dead.
std::string encode_pids(std::int64_t id, std::span<int const> os_pids, std::size_t payload_max);

/// `{0, {exit_status, OsPid, Status}}`, with the raw status of wait().
std::string encode_exit_status(int os_pid, int status);

enum class output_stream { out, err };

/// One `{0, {stdout | stderr, OsPid, Data}}` carries at most this much data.
inline constexpr std::size_t output_data_max = 65'000;

/// No output header is longer.
inline constexpr std::size_t output_header_max = 25;

/// Writes what of an output event's payload goes in front of its data, so that data read from a
/// process can be sent from where it lies.
///
/// @param end_of_header  Where the data begins, with output_header_max writable bytes before it.
/// @param size           Bytes of data, at most output_data_max.
/// @returns the length of the header, which starts that many bytes before end_of_header.
std::size_t write_output_header(char* end_of_header, output_stream stream, int os_pid,
                                std::size_t size) noexcept;

} // namespace exec_port
