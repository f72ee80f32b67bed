#include "linux/proc.hpp"

#include "linux/unique_fd.hpp"

#include <cstdio>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace execasio::sys {

bool is_stopped(pid_t pid) noexcept
{
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
    unique_fd const file(::open(path, O_RDONLY | O_CLOEXEC));
    char text[512];
    ssize_t const size = file ? ::read(file.get(), text, sizeof text) : -1;
    if (size <= 0)
        return false;
    // "pid (name) S ...": the name may hold anything, parentheses too, but the last one ends it.
    std::string_view const stat(text, static_cast<std::size_t>(size));
    auto const end = stat.rfind(')');
    return end != std::string_view::npos && end + 2 < stat.size() && stat[end + 2] == 'T';
}

} // namespace execasio::sys
