#include "linux/probe.hpp"

#include "linux/newer_kernel.hpp"
#include "linux/probe_child.hpp"

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include <asm/ioctls.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

std::string text_of(int error)
{
    return error == 0
               ? std::string()
               : boost::system::error_code(error, boost::system::system_category()).message();
}

/// The answer to a system call that fails with -1.
std::string answer(long result)
{
    return result < 0 ? text_of(errno) : std::string();
}

unique_fd own_pidfd() noexcept
{
    return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
}

std::string clone_answer(std::uint64_t flags)
{
    return text_of(run_probe(flags).clone_error);
}

/// A terminal's master, with its slave unlocked; nothing of it becomes a controlling terminal.
unique_fd open_master() noexcept
{
    unique_fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (master && ::unlockpt(master.get()) != 0)
        master.reset();
    return master;
}

char const no_cgroup[] = "no cgroup of version 2 to be seen";

} // namespace

std::string probe_clone3()
{
    return clone_answer(0);
}

std::string probe_clone_pidfd()
{
    probe_result const result = run_probe(CLONE_PIDFD);
    if (result.clone_error == 0)
        return result.pidfd ? "" : "no descriptor was returned";
    // The older call has it, too; that one is not tried, but pidfds are.
    return text_of(result.clone_error);
}

std::string probe_clear_sighand()
{
    return clone_answer(CLONE_CLEAR_SIGHAND);
}

std::string probe_into_cgroup()
{
    // The one it would be in anyway.
    unique_fd const own = open_own_cgroup();
    if (!own)
        return no_cgroup;
    return text_of(run_probe(CLONE_INTO_CGROUP, {}, own.get()).clone_error);
}

std::string probe_close_range_unshare()
{
    // In a child that shares the table, as children do: here it would part this thread from the
    // others. What is closed is above all that is open.
    probe_call call;
    call.number = SYS_close_range;
    call.arguments[0] = static_cast<long>(~0U);
    call.arguments[1] = static_cast<long>(~0U);
    call.arguments[2] = CLOSE_RANGE_UNSHARE;
    probe_result const result = run_probe(CLONE_FILES, call);
    if (result.clone_error == 0)
        return text_of(result.call_error);
    return answer(::syscall(SYS_close_range, ~0U, ~0U, 0)); // as old as its flag
}

std::string probe_close_range_cloexec()
{
    return answer(::syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_CLOEXEC));
}

std::string probe_pidfd_open()
{
    return own_pidfd() ? "" : text_of(errno);
}

std::string probe_pidfd_signal()
{
    unique_fd const self = own_pidfd();
    if (!self)
        return text_of(errno);
    return answer(::syscall(SYS_pidfd_send_signal, self.get(), 0, nullptr, 0));
}

std::string probe_pidfd_wait()
{
    unique_fd const self = own_pidfd();
    if (!self)
        return text_of(errno);
    // ECHILD is the right answer: this process is no child of its own.
    long const result =
        ::syscall(SYS_waitid, p_pidfd, self.get(), nullptr, WEXITED | WNOHANG | WNOWAIT, nullptr);
    return result < 0 && errno == ECHILD ? "" : answer(result);
}

std::string probe_pidfd_group_signal()
{
    unique_fd const self = own_pidfd();
    if (!self)
        return text_of(errno);
    if (::syscall(SYS_pidfd_send_signal, self.get(), 0, nullptr, pidfd_signal_process_group) == 0)
        return "";
    // Who leads no group has none to be found by this.
    return errno == ESRCH ? "" : text_of(errno);
}

std::string probe_pidfd_exit_info()
{
    pidfd_info info{};
    probe_result const ended = run_probe(CLONE_PIDFD);
    if (!ended.pidfd)
        return text_of(ended.clone_error);
    info.mask = pidfd_info_exit;
    if (::ioctl(ended.pidfd.get(), pidfd_get_info, &info) != 0)
        return text_of(errno);
    return (info.mask & pidfd_info_exit) != 0 ? ""
                                              : "the status of a reaped process is not remembered";
}

std::string probe_write_nosignal()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return text_of(errno);
    unique_fd const reader(ends[0]);
    unique_fd const writer(ends[1]);
    char byte = 0; // and there is a reader: no signal could come of it in any case
    iovec const vector{&byte, 1};
    return answer(::syscall(SYS_pwritev2, writer.get(), &vector, 1, -1L, -1L, rwf_nosignal));
}

std::string probe_subreaper()
{
    int now = 0;
    return answer(::prctl(PR_GET_CHILD_SUBREAPER, &now, 0, 0, 0));
}

std::string probe_terminal()
{
    return open_master() ? "" : text_of(errno);
}

std::string probe_terminal_peer()
{
    unique_fd const master = open_master();
    if (!master)
        return text_of(errno);
    unique_fd const slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    return slave ? "" : text_of(errno);
}

std::string probe_ambient_capabilities()
{
    return answer(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0));
}

std::string probe_executable_memory()
{
    constexpr unsigned executable = 0x10; // MFD_EXEC, Linux 6.3, <linux/memfd.h>
    unique_fd file(::memfd_create("execasio-probe", MFD_CLOEXEC | executable));
    if (!file && errno == EINVAL)
        file.reset(::memfd_create("execasio-probe", MFD_CLOEXEC));
    if (!file)
        return text_of(errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return text_of(errno);
    // The sysctl vm.memfd_noexec takes this bit away.
    return (status.st_mode & S_IXUSR) != 0 ? "" : "vm.memfd_noexec forbids to execute it";
}

std::string probe_cgroup_writable()
{
    unique_fd const own = open_own_cgroup();
    if (!own)
        return no_cgroup;
    // With the effective identity; a mount that is read-only says so, too.
    if (::faccessat(own.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        return text_of(errno);
    return answer(::faccessat(own.get(), "cgroup.procs", W_OK, AT_EACCESS));
}

std::string probe_cgroup_kill()
{
    unique_fd own = open_own_cgroup();
    if (!own)
        return no_cgroup;
    if (::faccessat(own.get(), "cgroup.kill", F_OK, 0) == 0)
        return "";
    // The root has no such file; any other cgroup shows whether there are any.
    DIR* const list = ::fdopendir(own.get());
    if (!list)
        return text_of(errno);
    static_cast<void>(own.release());
    std::string reason = "the root cgroup has none, and no other is there to look at";
    while (dirent const* const entry = ::readdir(list)) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        std::string const path = std::string(entry->d_name) + "/cgroup.kill";
        reason = answer(::faccessat(::dirfd(list), path.c_str(), F_OK, 0));
        break;
    }
    ::closedir(list);
    return reason;
}

std::string probe_cgroup_controllers()
{
    unique_fd const own = open_own_cgroup();
    if (!own)
        return no_cgroup;
    unique_fd const file(::openat(own.get(), "cgroup.controllers", O_RDONLY | O_CLOEXEC));
    char text[512] = {};
    if (!file || ::read(file.get(), text, sizeof text - 1) < 0)
        return text_of(errno);
    std::istringstream words(text);
    std::vector<std::string> present;
    for (std::string word; words >> word;)
        present.push_back(word);
    std::string missing;
    for (char const* const wanted : {"cpu", "memory", "pids"})
        if (std::find(present.begin(), present.end(), wanted) == present.end())
            missing += (missing.empty() ? "" : ", ") + std::string(wanted);
    return missing.empty() ? "" : "not here: " + missing;
}

} // namespace execasio::sys
