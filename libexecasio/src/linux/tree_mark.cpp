// Also part of the guardian's own program: no heap, no C++ run-time library.
#include "linux/tree_mark.hpp"

#include "linux/process_entry.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

/// The number in a text "MANAGER-NUMBER"; 0 if it is none.
std::uint64_t tree_number(char const* text, pid_t manager) noexcept
{
    std::uint64_t numbers[2] = {0, 0};
    for (std::uint64_t& number : numbers) {
        for (; *text >= '0' && *text <= '9' && number < UINT64_MAX / 10; ++text)
            number = number * 10 + static_cast<unsigned>(*text - '0');
        if (&number == &numbers[0] && *text++ != '-')
            return 0;
    }
    bool const valid = *text == '\0' && numbers[0] == static_cast<std::uint64_t>(manager);
    return valid ? numbers[1] : 0;
}

} // namespace

std::uint64_t tree_of(pid_t pid, pid_t manager) noexcept
{
    constexpr std::size_t name = sizeof tree_variable - 1;
    constexpr std::size_t longest_value = 32;
    char path[40];
    proc_path(pid, "/environ", path);
    int const file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    // A line is a string and its end; one that is longer than the buffer is none of ours, and its
    // rest is dropped up to the end.
    char buffer[4096];
    std::size_t size = 0;
    std::uint64_t found = 0;
    bool in_rest = false;
    ssize_t n = 0;
    while (found == 0 && (n = ::read(file, buffer + size, sizeof buffer - size)) > 0) {
        size += static_cast<std::size_t>(n);
        char* at = buffer;
        char* const end = buffer + size;
        while (auto* const stop =
                   static_cast<char*>(std::memchr(at, '\0', static_cast<std::size_t>(end - at)))) {
            auto const length = static_cast<std::size_t>(stop - at);
            if (!in_rest && found == 0 && length > name + 1 && length <= name + longest_value &&
                std::memcmp(at, tree_variable, name) == 0 && at[name] == '=')
                found = tree_number(at + name + 1, manager);
            in_rest = false;
            at = stop + 1;
        }
        size = static_cast<std::size_t>(end - at);
        if (size == sizeof buffer) {
            in_rest = true;
            size = 0;
        }
        std::memmove(buffer, at, size);
    }
    int const error = n < 0 ? errno : 0;
    ::close(file);
    errno = error;
    return found;
}

} // namespace execasio::sys
