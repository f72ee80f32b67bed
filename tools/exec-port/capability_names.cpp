#include "capability_names.hpp"

#include <iterator>

namespace exec_port {
namespace {

// In the order of their numbers, which are part of the kernel's interface and never change.
constexpr std::string_view names[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

} // namespace

std::optional<unsigned> capability_number(std::string_view name) noexcept
{
    for (unsigned number = 0; number < std::size(names); ++number)
        if (names[number] == name)
            return number;
    return std::nullopt;
}

} // namespace exec_port
