// Partly runs in a copy of this process: raw system calls only, compiled without sanitizers, as
// child.cpp.
#include "linux/terminal_owner.hpp"

#include "linux/all_signals_blocked.hpp"
#include "linux/silent_child.hpp"
#include "linux/unique_fd.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

/// A message of one byte with one descriptor.
struct parcel {
    char byte = 0;
    iovec content{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};

    parcel() noexcept
    {
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }
    parcel(parcel const&) = delete;
    parcel& operator=(parcel const&) = delete;
};

/// The real and the saved user stay, so that the other one can neither signal nor trace it.
int open_as(uid_t owner, gid_t group, int socket) noexcept
{
    if (::syscall(SYS_setresgid, -1, group, -1) != 0 ||
        ::syscall(SYS_setresuid, -1, owner, -1) != 0)
        return errno;
    long const opened =
        ::syscall(SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
    if (opened < 0)
        return errno;
    parcel out;
    cmsghdr* const what = CMSG_FIRSTHDR(&out.header);
    what->cmsg_level = SOL_SOCKET;
    what->cmsg_type = SCM_RIGHTS;
    what->cmsg_len = CMSG_LEN(sizeof(int));
    int const fd = static_cast<int>(opened);
    __builtin_memcpy(CMSG_DATA(what), &fd, sizeof fd);
    return ::syscall(SYS_sendmsg, socket, &out.header, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

/// What was sent before its sender ended; nobody is waited for.
unique_fd take(int socket) noexcept
{
    parcel in;
    if (::recvmsg(socket, &in.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
        return unique_fd();
    cmsghdr const* const what = CMSG_FIRSTHDR(&in.header);
    if (!what || what->cmsg_level != SOL_SOCKET || what->cmsg_type != SCM_RIGHTS) {
        errno = EMFILE; // no number was free for it: MSG_CTRUNC
        return unique_fd();
    }
    int fd = -1;
    __builtin_memcpy(&fd, CMSG_DATA(what), sizeof fd);
    return unique_fd(fd);
}

} // namespace

/// The child's descriptors are its own: whatever it dies of, nothing of it is left here.
int replace_terminal_master(int master, uid_t owner, gid_t group) noexcept
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    unique_fd const receiver(ends[0]);
    unique_fd const sender(ends[1]);
    long pid;
    int error = 0;
    {
        all_signals_blocked const blocked; // no handler may run twice
        pid = ::syscall(SYS_clone, 0, 0, 0, 0, 0);
        if (pid == 0)
            ::syscall(SYS_exit_group, open_as(owner, group, sender.get()));
        if (pid < 0)
            error = errno;
    }
    if (error != 0)
        return error;
    int const code = exit_code_of_silent(static_cast<pid_t>(pid));
    if (code != 0)
        return code < 0 ? EINTR : code;
    unique_fd const opened = take(receiver.get());
    return opened && ::dup3(opened.get(), master, O_CLOEXEC) >= 0 ? 0 : errno;
}

} // namespace execasio::sys
