#include "linux/guardian_process.hpp"

#include "linux/child_handle.hpp"
#include "linux/file_limit.hpp"
#include "linux/guard_slot.hpp"
#include "linux/last_error.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {

unique_fd own_death(unique_fd& kept)
{
    if (unique_fd self = open_pidfd(::getpid()))
        return self;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw boost::system::system_error(last_error(), "guardian");
    kept.reset(ends[1]);
    return unique_fd(ends[0]);
}

unique_fd executable_file(char const* data, std::size_t size) noexcept
{
    constexpr unsigned exec = 0x10; // MFD_EXEC, Linux 6.3: asked for where it is not the default
    unique_fd file(static_cast<int>(
        ::syscall(SYS_memfd_create, "execasio-guardian", unsigned{MFD_CLOEXEC} | exec)));
    if (!file && errno == EINVAL)
        file.reset(::memfd_create("execasio-guardian", MFD_CLOEXEC));
    if (file && !may_be_as_long(size))
        file.reset();
    while (file && size != 0) {
        ssize_t const n = ::write(file.get(), data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            file.reset();
            break;
        }
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return file;
}

pid_t fork_guardian(int area, int manager) noexcept
{
    // Not fork(3), whose handlers are other code's: the copy runs nothing but the guardian.
    auto const pid = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, 0, 0));
    if (pid == 0)
        ::_exit(guardian_main(area, manager));
    return pid;
}

} // namespace execasio::sys
