#pragma once

namespace execasio::detail {

/// Raises a flag and begins what it stands for, which may be through when this returns; if that
/// throws, out of memory, the flag is lowered again, so that another call can begin it.
template <class Begin>
void raise_flag(bool& flag, Begin begin)
{
    flag = true;
    try {
        begin();
    } catch (...) {
        flag = false;
        throw;
    }
}

} // namespace execasio::detail
