#pragma once

// What is newer than the headers of Debian 12 (Linux 6.1, glibc 2.36).
namespace execasio::sys {

constexpr int p_pidfd = 3;                         // <linux/wait.h>, 5.4
constexpr unsigned pidfd_signal_process_group = 4; // <linux/pidfd.h>, 6.9

} // namespace execasio::sys
