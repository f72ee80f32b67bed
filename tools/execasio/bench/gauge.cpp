// execasio-gauge [PROGRAM ARGUMENT...]: without arguments exits at once, which is what the cost of
// a run is measured with. With arguments runs that program and writes to descriptor 3 how it ended
// and what it used: the first int of wait4(2), the rusage after it, padded as the kernel has them.
//
// Linux carries the peak memory of a launching process into what it launches (execve keeps the
// larger figure), so whoever is to learn the true peak of a small program has to be smaller. Hence
// no C library: this takes a few pages. System calls as of syscall(2).

#include <linux/fcntl.h>
#include <linux/resource.h>
#include <sys/syscall.h>

namespace {

long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) noexcept
{
#if defined(__x86_64__)
    long result;
    register long fourth asm("r10") = d;
    register long fifth asm("r8") = e;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    asm volatile("svc #0"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                 : "memory", "cc");
    return x0;
#else
#error "system calls of this machine are not known here"
#endif
}

long address(void const* p) noexcept
{
    return reinterpret_cast<long>(p);
}

struct report {
    long status; // an int for the kernel, which leaves the rest as it is
    rusage usage;
};

constexpr int report_descriptor = 3;
constexpr long sigchld = 17;

[[noreturn]] void leave(long code) noexcept
{
    for (;;)
        system_call(SYS_exit_group, code);
}

} // namespace

extern "C" [[noreturn]] __attribute__((used)) void gauge_main(long* stack) noexcept
{
    long const count = stack[0];
    char** const arguments = reinterpret_cast<char**>(stack + 1);
    char** const environment = arguments + count + 1;
    if (count < 2)
        leave(0);
    system_call(SYS_fcntl, report_descriptor, F_SETFD, FD_CLOEXEC);
    // Signals for the group are meant for the program; this has to live until it has ended.
    unsigned long const all = ~0UL;
    unsigned long before = 0;
    system_call(SYS_rt_sigprocmask, /* SIG_SETMASK */ 2, address(&all), address(&before), 8);
    // Its memory is copied, not shared: that is a few pages, and needs no stack of its own.
    long const child = system_call(SYS_clone, sigchld);
    if (child == 0) {
        system_call(SYS_rt_sigprocmask, 2, address(&before), 0, 8);
        system_call(SYS_execve, address(arguments[1]), address(arguments + 1),
                    address(environment));
        leave(127);
    }
    report r{};
    bool const known = child > 0 && system_call(SYS_wait4, child, address(&r.status), 0,
                                                address(&r.usage)) == child;
    if (!known || system_call(SYS_write, report_descriptor, address(&r), sizeof r) != sizeof r)
        leave(125);
    leave(0);
}

#if defined(__x86_64__)
asm(".globl _start\n"
    "_start:\n"
    "    xor %ebp, %ebp\n"
    "    mov %rsp, %rdi\n"
    "    and $-16, %rsp\n"
    "    call gauge_main\n");
#elif defined(__aarch64__)
asm(".globl _start\n"
    "_start:\n"
    "    mov x29, #0\n"
    "    mov x0, sp\n"
    "    bl gauge_main\n");
#endif
