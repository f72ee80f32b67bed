#pragma once

#include <string>

// One function for each feature: tries it without leaving a trace. Empty when it is available, else
// the reason why it is not.
namespace execasio::sys {

std::string probe_clone3();
std::string probe_clone_pidfd();
std::string probe_clear_sighand();
std::string probe_into_cgroup();
std::string probe_close_range_unshare();
std::string probe_close_range_cloexec();
std::string probe_pidfd_open();
std::string probe_pidfd_signal();
std::string probe_pidfd_wait();
std::string probe_pidfd_group_signal();
std::string probe_pidfd_exit_info();
std::string probe_write_nosignal();
std::string probe_subreaper();
std::string probe_terminal();
std::string probe_terminal_peer();
std::string probe_ambient_capabilities();
std::string probe_executable_memory();
std::string probe_cgroup_writable();
std::string probe_cgroup_kill();
std::string probe_cgroup_controllers();

} // namespace execasio::sys
