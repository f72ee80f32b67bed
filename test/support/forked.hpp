#pragma once

#include <functional>
#include <stdexcept>
#include <string>

namespace test {

/// Runs something in a child process of the test program, for what cannot be undone (limits,
/// filters, identities) or must not outlive it; ends it at a deadline.
/// @return What the body threw, or how the child died; empty when all was well.
std::string failure_in_fork(std::function<void()> const& body);

/// The assertion for such bodies: Boost.Test's would report in the wrong process.
inline void ensure(bool holds, std::string const& what)
{
    if (!holds)
        throw std::runtime_error(what);
}

} // namespace test
