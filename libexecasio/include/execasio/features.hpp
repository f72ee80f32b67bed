#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace execasio {

/// Something of the kernel that this library uses where it can: see docs/platform.md.
struct feature {
    std::string_view name;
    std::string_view since;   ///< the first Linux that has it, such as "6.9"
    std::string_view used;    ///< what for
    std::string_view without; ///< what is done in its place
    bool available = false;
    std::string reason; ///< why it is not: an error's text, such as "Operation not permitted"
};

/// Finds out what there is to be used, here and now: each is tried, since neither the version nor
/// the configuration of a kernel tells what a container's filter or a mount lets through.
///
/// Nothing is left behind or changed: what is opened is closed, and a few children that live for
/// one system call are reaped (they send no SIGCHLD, and no wait(2) of other code sees them). Takes
/// a few hundred microseconds. The library itself does not need the answer: it looks at what it
/// uses when it uses it.
///
/// In the order of the table in docs/platform.md.
/// @par Thread safety
/// May be called from any thread.
std::vector<feature> probe_features();

} // namespace execasio
