#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

namespace test {

/// The processes (zombies are none) that have a word among their arguments: a family whose first
/// member was given a word that nobody else has. Independent of groups, sessions and parents.
inline std::vector<pid_t> processes_with_word(std::string const& word)
{
    std::vector<pid_t> found;
    std::string const between = '\0' + word + '\0'; // it is nobody's argv[0]
    std::vector<char> text(16 * 1024);
    std::error_code ignored;
    for (auto const& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        auto const pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
        if (pid <= 0 || pid == ::getpid())
            continue;
        int const file = ::open((entry.path() / "cmdline").c_str(), O_RDONLY | O_CLOEXEC);
        ssize_t const size = file >= 0 ? ::read(file, text.data(), text.size()) : -1;
        ::close(file);
        if (size > 0 &&
            std::string_view(text.data(), static_cast<std::size_t>(size)).find(between) !=
                std::string_view::npos)
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
