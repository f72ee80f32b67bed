#include "capability_names.hpp"

#include <execasio/capabilities.hpp>

#include <algorithm>

namespace exec_port {

std::optional<unsigned> capability_number(std::string_view name) noexcept
{
    // The library takes more forms than the protocol has.
    auto const plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    if (name.starts_with("cap_") || !std::all_of(name.begin(), name.end(), plain))
        return std::nullopt;
    return execasio::capabilities::number_of(name);
}

} // namespace exec_port
