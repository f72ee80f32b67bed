#pragma once

#include <execasio/command.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace test {

/// The path of the program that plays the child.
inline std::string puppet_path()
{
    return EXECASIO_TEST_PUPPET;
}

/// A command for the puppet: verbs and their arguments, see test/puppet.
template <class... Words>
execasio::command puppet(Words&&... words)
{
    return execasio::command(puppet_path(), std::forward<Words>(words)...);
}

/// What the puppet's "lines" says: the numbers from zero, a line each.
inline std::string numbers_below(std::size_t count)
{
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += std::to_string(i) + "\n";
    return text;
}

} // namespace test
