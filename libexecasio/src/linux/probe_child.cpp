#include "linux/probe_child.hpp"

#include "linux/all_signals_blocked.hpp"
#include "linux/silent_child.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

/// clone3(2) without a stack: the child goes on with the parent's, of which it touches nothing. It
/// is done within these instructions.
long clone_and_call(clone_args& arguments, probe_call const& call) noexcept
{
#if defined(__x86_64__)
    long result;
    register long number asm("r8") = call.number;
    register long first asm("r9") = call.arguments[0];
    register long second asm("r10") = call.arguments[1];
    register long third asm("r12") = call.arguments[2];
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "test %%r8, %%r8\n\t"
                 "js 2f\n\t"
                 "mov %%r8, %%rax\n\t"
                 "mov %%r9, %%rdi\n\t"
                 "mov %%r10, %%rsi\n\t"
                 "mov %%r12, %%rdx\n\t"
                 "syscall\n\t"
                 "neg %%rax\n"
                 "2:\t"
                 "mov %%eax, %%edi\n\t"
                 "mov %[exit], %%eax\n\t"
                 "syscall\n"
                 "1:"
                 : "=a"(result)
                 : "a"(long{SYS_clone3}), "D"(&arguments), "S"(sizeof arguments), "r"(number),
                   "r"(first), "r"(second), "r"(third), [exit] "i"(SYS_exit)
                 : "rcx", "r11", "rdx", "memory");
    return result;
#elif defined(__aarch64__)
    register long number asm("x8") = SYS_clone3;
    register long result asm("x0") = reinterpret_cast<long>(&arguments);
    register unsigned long size asm("x1") = sizeof arguments;
    register long call_number asm("x9") = call.number;
    register long first asm("x10") = call.arguments[0];
    register long second asm("x11") = call.arguments[1];
    register long third asm("x12") = call.arguments[2];
    asm volatile("svc #0\n\t"
                 "cbnz x0, 1f\n\t"
                 "tbnz x9, #63, 2f\n\t"
                 "mov x8, x9\n\t"
                 "mov x0, x10\n\t"
                 "mov x1, x11\n\t"
                 "mov x2, x12\n\t"
                 "svc #0\n\t"
                 "neg x0, x0\n"
                 "2:\t"
                 "mov x8, %[exit]\n\t"
                 "svc #0\n"
                 "1:"
                 : "+r"(result)
                 : "r"(number), "r"(size), "r"(call_number), "r"(first), "r"(second),
                   "r"(third), [exit] "i"(SYS_exit)
                 : "x2", "memory", "cc");
    return result;
#else
    (void)arguments;
    (void)call;
    return -ENOSYS;
#endif
}

} // namespace

probe_result run_probe(std::uint64_t flags, probe_call call, int cgroup) noexcept
{
    probe_result result;
    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = flags | CLONE_VM | CLONE_VFORK;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    if ((flags & CLONE_INTO_CGROUP) != 0)
        arguments.cgroup = static_cast<unsigned>(cgroup);
    long const pid = [&] {
        all_signals_blocked const blocked; // a handler must not run on this stack in the child
        return clone_and_call(arguments, call);
    }();
    result.pidfd.reset(pidfd);
    if (pid < 0) {
        result.clone_error = static_cast<int>(-pid);
        return result;
    }
    int const code = exit_code_of_silent(static_cast<pid_t>(pid));
    if (code < 0)
        result.clone_error = EINTR; // killed before it could say anything
    else
        result.call_error = code;
    return result;
}

unique_fd open_own_cgroup() noexcept
{
    try {
        std::ifstream memberships("/proc/self/cgroup");
        std::string own;
        for (std::string line; std::getline(memberships, line);)
            if (line.starts_with("0::"))
                own = line.substr(3);
        std::ifstream mounts("/proc/self/mountinfo");
        for (std::string line; !own.empty() && std::getline(mounts, line);) {
            // "36 35 98:0 /root /mount/point options - type ..." (proc(5))
            std::istringstream fields(line);
            std::string id, parent, device, root, point;
            fields >> id >> parent >> device >> root >> point;
            if (line.find(" - cgroup2 ") == std::string::npos)
                continue;
            std::string const below =
                root == "/" ? own : own.substr(own.find(root) == 0 ? root.size() : 0);
            std::string const path = point + (below == "/" ? "" : below);
            unique_fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            struct statfs type {};
            if (directory && ::fstatfs(directory.get(), &type) == 0 &&
                type.f_type == CGROUP2_SUPER_MAGIC)
                return directory;
        }
    } catch (std::exception const&) { // out of memory
    }
    return unique_fd();
}

} // namespace execasio::sys
