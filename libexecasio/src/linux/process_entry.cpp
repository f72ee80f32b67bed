// Also part of the guardian's own program: no heap, no C++ run-time library.
#include "linux/process_entry.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace execasio::sys {

void proc_path(pid_t pid, char const* rest, char* path) noexcept
{
    char digits[16];
    std::size_t count = 0;
    for (auto left = static_cast<unsigned>(pid); count == 0 || left != 0; left /= 10)
        digits[count++] = static_cast<char>('0' + left % 10);
    std::memcpy(path, "/proc/", 6);
    path += 6;
    while (count != 0)
        *path++ = digits[--count];
    std::strcpy(path, rest);
}

std::size_t read_small_file(char const* path, char* text, std::size_t size) noexcept
{
    int const file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    std::size_t length = 0;
    int error = 0;
    while (length + 1 < size && error == 0) {
        ssize_t const n = ::read(file, text + length, size - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            break;
        if (n < 0)
            error = errno;
        else
            length += static_cast<std::size_t>(n);
    }
    ::close(file);
    if (is_shortage(error))
        length = 0;
    text[length] = '\0';
    errno = error;
    return length;
}

std::uint64_t parse_number(char const*& at) noexcept
{
    while (*at == ' ' || *at == '-') // the negative ones are of no interest here
        ++at;
    std::uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; ++at)
        value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    return value;
}

bool read_process(pid_t pid, process_entry& into) noexcept
{
    char path[32];
    proc_path(pid, "/stat", path);
    int const file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    char text[1024];
    ssize_t const size = ::read(file, text, sizeof text - 1); // in one piece: it is made at once
    int const error = errno;
    ::close(file);
    if (size <= 0) {
        errno = size < 0 && is_shortage(error) ? error : ESRCH;
        return false;
    }
    text[size] = '\0';
    // "pid (name) S ...": the name may hold anything, parentheses too, but the last one ends it.
    char const* at = std::strrchr(text, ')');
    if (!at || at[1] != ' ' || at[2] == '\0') {
        errno = ESRCH;
        return false;
    }
    into = process_entry{};
    into.pid = pid;
    into.state = at[2];
    at += 3;
    std::uint64_t threads = 0;
    for (int field = 4; field <= 52 && *at != '\0'; ++field) { // they count from 1
        std::uint64_t const value = parse_number(at);
        switch (field) {
        case 4: into.parent = static_cast<pid_t>(value); break;
        case 5: into.group = static_cast<pid_t>(value); break;
        case 6: into.session = static_cast<pid_t>(value); break;
        case 9: into.executed = (value & 0x40) == 0; break; // PF_FORKNOEXEC of <linux/sched.h>
        case 20: threads = value; break;
        case 22: into.start = value; break;
        case 52: into.exit_code = static_cast<int>(value); break;
        default: break;
        }
    }
    // The first thread of a program may have ended before the others: a zombie in name only.
    into.living = (into.state != 'Z' && into.state != 'X') || threads > 1;
    return true;
}

bool is_same_process(process_entry const& known) noexcept
{
    process_entry now;
    if (!read_process(known.pid, now))
        return false;
    errno = ESRCH;
    return now.start == known.start;
}

} // namespace execasio::sys
