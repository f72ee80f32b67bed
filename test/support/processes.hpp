#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

namespace test {

/// The processes (zombies are none) that have a word among their arguments: a family whose first
/// member was given a word that nobody else has. Independent of groups, sessions and parents.
inline std::vector<pid_t> processes_with_word(std::string const& word)
{
    std::vector<pid_t> found;
    std::error_code ignored;
    for (auto const& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        auto const pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
        if (pid <= 0 || pid == ::getpid())
            continue;
        std::ifstream file(entry.path() / "cmdline");
        std::string const text{std::istreambuf_iterator<char>(file), {}};
        if (('\0' + text).find('\0' + word + '\0') != std::string::npos)
            found.push_back(pid);
    }
    return found;
}

/// A word that no other process has.
inline std::string family_word()
{
    static int count = 0;
    return "family-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

} // namespace test
