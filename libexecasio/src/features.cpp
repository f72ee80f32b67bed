#include "execasio/features.hpp"

#include "linux/probe.hpp"

namespace execasio {
namespace {

struct row {
    std::string_view name;
    std::string_view since;
    std::string_view used;
    std::string_view without;
    std::string (*probe)();
};

// The table in docs/platform.md says the same at greater length; a test compares the two.
constexpr row rows[] = {
    {"clone3", "5.3", "launching at the same cost whatever the size of the program", "clone",
     sys::probe_clone3},
    {"CLONE_PIDFD", "5.2", "a pidfd from birth on", "pidfd_open after the birth",
     sys::probe_clone_pidfd},
    {"CLONE_CLEAR_SIGHAND", "5.5", "no signal handler in the child",
     "the child sets each signal to its default", sys::probe_clear_sighand},
    {"CLONE_INTO_CGROUP", "5.7", "children born in their cgroup",
     "process group, subreaper and a search of /proc", sys::probe_into_cgroup},
    {"CLOSE_RANGE_UNSHARE", "5.9", "copying few descriptors for a child",
     "the whole table is copied", sys::probe_close_range_unshare},
    {"CLOSE_RANGE_CLOEXEC", "5.11", "closing what was not asked for", "/proc/self/fd is listed",
     sys::probe_close_range_cloexec},
    {"pidfd_open", "5.3", "foreign processes", "adopt fails", sys::probe_pidfd_open},
    {"pidfd_send_signal", "5.1", "signals that cannot reach a stranger",
     "kill, while the child is not reaped", sys::probe_pidfd_signal},
    {"waitid(P_PIDFD)", "5.4", "waiting for the exit", "SIGCHLD and waitid by process id",
     sys::probe_pidfd_wait},
    {"PIDFD_SIGNAL_PROCESS_GROUP", "6.9", "a group whose leader was reaped", "only until then",
     sys::probe_pidfd_group_signal},
    {"PIDFD_INFO_EXIT", "6.15", "the status of what others have reaped", "errc::status_lost",
     sys::probe_pidfd_exit_info},
    {"RWF_NOSIGNAL", "6.18", "writing without SIGPIPE in one call",
     "the signal is blocked, and taken away", sys::probe_write_nosignal},
    {"PR_SET_CHILD_SUBREAPER", "3.4", "finding descendants that have left",
     "those that lost their parent are not found", sys::probe_subreaper},
    {"pseudo terminals", "2.6", "terminals for children", "stage::terminal fails",
     sys::probe_terminal},
    {"TIOCGPTPEER", "4.13", "opening a terminal without its path", "stage::terminal fails",
     sys::probe_terminal_peer},
    {"ambient capabilities", "4.3", "capabilities for children that are not root's",
     "the launch fails", sys::probe_ambient_capabilities},
    {"executable memfd", "3.17", "helper programs that are in no file", "they are forked instead",
     sys::probe_executable_memory},
    {"cgroup v2, writable", "4.5", "ending whole trees",
     "process group, subreaper and a search of /proc", sys::probe_cgroup_writable},
    {"cgroup.kill", "5.14", "ending whole trees at once", "their processes are killed one by one",
     sys::probe_cgroup_kill},
    {"cgroup controllers", "4.5", "limits of memory, processes and CPU for a tree",
     "setting such a limit fails", sys::probe_cgroup_controllers},
};

} // namespace

std::vector<feature> probe_features()
{
    std::vector<feature> found;
    for (row const& r : rows) {
        std::string reason = r.probe();
        bool const available = reason.empty();
        found.push_back({r.name, r.since, r.used, r.without, available, std::move(reason)});
    }
    return found;
}

} // namespace execasio
