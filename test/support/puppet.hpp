#pragma once

#include <execasio/command.hpp>

#include <string>

namespace test {

/// The path of the program that plays the child.
inline std::string puppet_path()
{
    return EXECASIO_TEST_PUPPET;
}

/// A command for the puppet: verbs and their arguments, see puppet.cpp.
template <class... Words>
execasio::command puppet(Words&&... words)
{
    return execasio::command(puppet_path(), std::forward<Words>(words)...);
}

} // namespace test
