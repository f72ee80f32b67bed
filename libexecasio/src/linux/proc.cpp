#include "linux/proc.hpp"

#include "linux/unique_fd.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace execasio::sys {

std::optional<process_stat> read_stat(pid_t pid) noexcept
{
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
    unique_fd const file(::open(path, O_RDONLY | O_CLOEXEC));
    char text[1024];
    ssize_t const size = file ? ::read(file.get(), text, sizeof text - 1) : -1;
    if (size <= 0)
        return std::nullopt;
    text[size] = '\0';
    // "pid (name) S ...": the name may hold anything, parentheses too, but the last one ends it.
    char* at = std::strrchr(text, ')');
    if (!at || at[1] != ' ')
        return std::nullopt;
    process_stat stat;
    stat.state = at[2];
    at += 3;
    constexpr int first_number = 4; // the parent; fields count from 1
    constexpr int exit_code_field = 52;
    for (int field = first_number; field <= exit_code_field; ++field) {
        char* end = nullptr;
        long long const value = std::strtoll(at, &end, 10);
        if (end == at)
            break; // an older kernel, with fewer fields
        at = end;
        switch (field) {
        case 4: stat.parent = static_cast<pid_t>(value); break;
        case 5: stat.group = static_cast<pid_t>(value); break;
        case 6: stat.session = static_cast<pid_t>(value); break;
        case 9: stat.executed = (value & 0x40) == 0; break; // PF_FORKNOEXEC of <linux/sched.h>
        case exit_code_field: stat.exit_code = static_cast<int>(value); break;
        default: break;
        }
    }
    return stat;
}

std::optional<int> zombie_exit_code(pid_t pid)
{
    auto const process = read_stat(pid);
    if (!process || process->state != 'Z')
        return std::nullopt;
    // Zero is also what those read who may not know: believed of the own user's processes only.
    struct stat owner {};
    std::string const directory = "/proc/" + std::to_string(pid);
    if (process->exit_code == 0 &&
        (::stat(directory.c_str(), &owner) != 0 || owner.st_uid != ::geteuid()))
        return std::nullopt;
    return process->exit_code;
}

std::vector<pid_t> group_members(pid_t group)
{
    std::vector<pid_t> members;
    std::unique_ptr<DIR, int (*)(DIR*)> const list(::opendir("/proc"), ::closedir);
    while (dirent const* const entry = list ? ::readdir(list.get()) : nullptr) {
        auto const pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
        if (pid <= 0)
            continue;
        auto const stat = read_stat(pid);
        if (stat && stat->group == group && stat->state != 'Z' && stat->state != 'X')
            members.push_back(pid);
    }
    return members;
}

} // namespace execasio::sys
