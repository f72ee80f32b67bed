#pragma once

#include <cstddef>

namespace execasio::detail {

/// The guardian's program, as a file in memory.
struct guardian_image {
    static char const* data() noexcept;
    static std::size_t size() noexcept;
};

} // namespace execasio::detail
