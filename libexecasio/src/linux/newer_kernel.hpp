#pragma once

#include <cstdint>

#include <sys/ioctl.h>

// What is newer than the headers of Debian 12 (Linux 6.1, glibc 2.36).
namespace execasio::sys {

constexpr int p_pidfd = 3;                         // <linux/wait.h>, 5.4
constexpr unsigned pidfd_signal_process_group = 4; // <linux/pidfd.h>, 6.9
constexpr int rwf_nosignal = 0x100;                // <linux/fs.h>, 6.18

struct pidfd_info { // <linux/pidfd.h>, its first 64 bytes
    std::uint64_t mask;
    std::uint64_t cgroup;
    std::uint32_t pid, tgid, ppid;
    std::uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    std::int32_t exit_code;
};
static_assert(sizeof(pidfd_info) == 64);
constexpr std::uint64_t pidfd_info_exit = 8; // 6.15
constexpr unsigned long pidfd_get_info = _IOWR(0xFF, 11, pidfd_info);

} // namespace execasio::sys
