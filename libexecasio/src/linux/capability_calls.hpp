#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace execasio::sys {

/// By libcap's name, with or without `cap_`, in any case.
std::optional<unsigned> capability_number(std::string_view name) noexcept;

/// "cap_kill"; "cap_63" for one that libcap does not know.
std::string capability_name(unsigned number);

/// The highest number that the running kernel knows.
unsigned last_capability() noexcept;

/// The permitted set of the calling thread, as a mask; capget(2).
std::uint64_t permitted_capabilities() noexcept;

} // namespace execasio::sys
