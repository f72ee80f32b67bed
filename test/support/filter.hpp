#pragma once

#include "support/forked.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace test {

/// Has the kernel answer system calls of this thread, and of what it starts, with an error from now
/// on, as the filters of containers do. There is no way back.
inline void refuse_system_calls(std::vector<long> const& numbers, int error,
                                bool clone_with_pidfd = false)
{
    std::vector<sock_filter> code;
    auto const statement = [&](unsigned what, std::size_t value) {
        sock_filter s{};
        s.code = static_cast<std::uint16_t>(what);
        s.k = static_cast<std::uint32_t>(value);
        code.push_back(s);
    };
    auto const jump = [&](unsigned what, std::size_t value, std::uint8_t if_not) {
        statement(BPF_JMP | what | BPF_K, value);
        code.back().jf = if_not;
    };
    auto const refusal = std::size_t{SECCOMP_RET_ERRNO} | static_cast<unsigned>(error);
    statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    for (long const number : numbers) {
        jump(BPF_JEQ, static_cast<std::size_t>(number), 1);
        statement(BPF_RET | BPF_K, refusal);
    }
    if (clone_with_pidfd) {
        jump(BPF_JEQ, SYS_clone, 3);
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])); // the flags
        jump(BPF_JSET, CLONE_PIDFD, 1);
        statement(BPF_RET | BPF_K, refusal);
    }
    statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    sock_fprog const program{static_cast<unsigned short>(code.size()), code.data()};
    ensure(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    ensure(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

/// Refuses signals to process groups by pidfd with EINVAL, as kernels before 6.9 do.
inline void refuse_group_signals()
{
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog const program{sizeof code / sizeof code[0], code};
    ensure(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    ensure(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

} // namespace test
