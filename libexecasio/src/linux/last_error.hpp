#pragma once

#include "execasio/error.hpp"

#include <cerrno>

namespace execasio::sys {

/// What the last system call of this thread failed with.
inline error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

} // namespace execasio::sys
