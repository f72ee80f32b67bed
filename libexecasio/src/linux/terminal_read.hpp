#pragma once

#include <cerrno>

#include <sys/types.h>

namespace execasio::sys {

/// A read(2) of a terminal's master that fails with EIO only when all that was written is read.
/// The kernel looks for data first and then whether the other side is closed: when it was written
/// to and closed in between, the read fails although there is data. The next one finds it, for
/// nobody writes to a closed side.
template <class Read>
ssize_t read_until_hangup(Read read)
{
    ssize_t const result = read();
    return result < 0 && errno == EIO ? read() : result;
}

} // namespace execasio::sys
