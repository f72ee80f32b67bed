#pragma once

#include <cerrno>
#include <cstddef>

#include <sys/resource.h>

namespace execasio::sys {

/// Whether a file, one in memory too, may be made as long as that (RLIMIT_FSIZE, setrlimit(2)):
/// asked before, since SIGXFSZ would end the program. Sets errno.
inline bool may_be_as_long(std::size_t size) noexcept
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || size <= limit.rlim_cur)
        return true;
    errno = EFBIG;
    return false;
}

} // namespace execasio::sys
