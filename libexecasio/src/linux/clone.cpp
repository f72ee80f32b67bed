#include "linux/clone.hpp"

#include "linux/all_signals_blocked.hpp"
#include "linux/own_children.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define EXECASIO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXECASIO_ASAN 1
#endif
#endif
#ifdef EXECASIO_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace execasio::sys {
namespace {

// What this kernel, or the filter of this container, was found to refuse. EPERM and ENOSYS mean
// the same here: clone3 without namespaces needs no permission.
std::atomic<bool> clone3_refused = false;
std::atomic<bool> clone_pidfd_refused = false;
std::atomic<bool> unshare_refused = false;

/// The stack on which a thread's children run until they exec. One a thread is enough: the thread
/// itself sleeps meanwhile.
class child_stack {
public:
    // The steps need little; an initializer of the user's may want more. Untouched pages are free.
    static constexpr std::size_t size = 256 * 1024;
    static constexpr std::size_t guard = 4096;

    child_stack() noexcept
        : memory_(::mmap(nullptr, size + guard, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0))
    {
        if (memory_ != MAP_FAILED)
            ::mprotect(memory_, guard, PROT_NONE); // a guard that cannot be had is no failure
    }
    child_stack(child_stack const&) = delete;
    child_stack& operator=(child_stack const&) = delete;
    ~child_stack()
    {
        if (memory_ != MAP_FAILED)
            ::munmap(memory_, size + guard);
    }

    [[nodiscard]] bool valid() const noexcept { return memory_ != MAP_FAILED; }
    [[nodiscard]] char* bottom() const noexcept { return static_cast<char*>(memory_) + guard; }

private:
    void* memory_;
};

/// clone3(2) with a stack of the child's own, where it runs `child_main(plan)` and exits.
/// @return The pid, or a negated errno.
long clone3_call(clone_args& arguments, child_plan& plan) noexcept
{
#if defined(__x86_64__)
    long result;
    // The kernel keeps all registers but rax, rcx and r11, for parent and child alike.
    register int (*entry)(void*) noexcept asm("r8") = child_main;
    register void* context asm("r9") = &plan;
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "xor %%ebp, %%ebp\n\t"
                 "mov %%r9, %%rdi\n\t"
                 "call *%%r8\n\t"
                 "mov %%eax, %%edi\n\t"
                 "mov %[exit], %%eax\n\t"
                 "syscall\n"
                 "1:"
                 : "=a"(result)
                 : "a"(long{SYS_clone3}), "D"(&arguments), "S"(sizeof arguments), "r"(entry),
                   "r"(context), [exit] "i"(SYS_exit)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long number asm("x8") = SYS_clone3;
    register long result asm("x0") = reinterpret_cast<long>(&arguments);
    register unsigned long size asm("x1") = sizeof arguments;
    register int (*entry)(void*) noexcept asm("x2") = child_main;
    register void* context asm("x3") = &plan;
    asm volatile("svc #0\n\t"
                 "cbnz x0, 1f\n\t"
                 "mov x29, #0\n\t"
                 "mov x0, x3\n\t"
                 "blr x2\n\t"
                 "mov x8, %[exit]\n\t"
                 "svc #0\n"
                 "1:"
                 : "+r"(result)
                 : "r"(number), "r"(size), "r"(entry), "r"(context), [exit] "i"(SYS_exit)
                 : "x30", "memory", "cc");
    return result;
#else
    (void)arguments;
    (void)plan;
    return -ENOSYS; // glibc's clone serves: see below
#endif
}

struct attempt {
    pid_t pid = -1;
    int pidfd = -1;
    int error = 0;
};

/// Without these the child gets a copy, and its parent goes on meanwhile.
unsigned memory_flags(child_plan const& plan) noexcept
{
    return plan.report_fd >= 0 ? 0 : CLONE_VFORK | CLONE_VM;
}

attempt by_clone3(child_stack const& stack, child_plan& plan, bool share_table) noexcept
{
    attempt a;
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | memory_flags(plan);
    if (share_table)
        arguments.flags |= CLONE_FILES;
    // Before the child runs: should this program be killed right now, its guardian knows of it.
    if (plan.guard) {
        arguments.flags |= CLONE_PARENT_SETTID;
        arguments.parent_tid = reinterpret_cast<std::uintptr_t>(&plan.guard->pid);
    }
    if (plan.cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<unsigned>(plan.cgroup);
    }
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&a.pidfd);
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<std::uintptr_t>(stack.bottom());
    arguments.stack_size = child_stack::size;
    long const result = clone3_call(arguments, plan);
    if (result < 0)
        a.error = static_cast<int>(-result);
    else
        a.pid = static_cast<pid_t>(result);
    return a;
}

/// The older call, which filters for containers let through; with a pidfd if that is to be had.
attempt by_clone(child_stack const& stack, child_plan& plan, bool share_table) noexcept
{
    attempt a;
    int const flags =
        static_cast<int>(memory_flags(plan)) | SIGCHLD | (share_table ? CLONE_FILES : 0);
    char* const top = stack.bottom() + child_stack::size;
    if (!clone_pidfd_refused.load(std::memory_order_relaxed)) {
        a.pid = ::clone(child_main, top, flags | CLONE_PIDFD, &plan, &a.pidfd);
        if (a.pid >= 0)
            return a;
        a.error = errno;
        if (a.error != EPERM && a.error != ENOSYS && a.error != EINVAL)
            return a;
        clone_pidfd_refused.store(true, std::memory_order_relaxed);
    }
    a = attempt{};
    a.pid = ::clone(child_main, top, flags, &plan);
    if (a.pid < 0)
        a.error = errno;
    else
        a.pidfd = open_pidfd(a.pid).release(); // not reaped yet, so the number is still its own
    return a;
}

/// Which signals a child has to set to their default action. All whenever handlers may be left;
/// after clone3 only those that are ignored, and these can only be found by trying each. At a
/// quarter of a microsecond a call the 31 real-time signals, which practically no program ignores,
/// would be a tenth of a launch: they are looked at once.
std::uint64_t signals_to_reset(bool handlers_cleared) noexcept
{
    static std::uint64_t const ignored_real_time = [] {
        std::uint64_t found = 0;
        struct sigaction action {};
        for (int number = SIGRTMIN; number <= SIGRTMAX; ++number)
            if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
                found |= std::uint64_t{1} << (number - 1);
        return found;
    }();
    constexpr std::uint64_t settable =
        0x7fffffff & ~(std::uint64_t{1} << (SIGKILL - 1)) & ~(std::uint64_t{1} << (SIGSTOP - 1));
    return handlers_cleared ? settable | ignored_real_time : ~std::uint64_t{0};
}

attempt one_attempt(child_stack const& stack, child_plan& plan, bool share_table) noexcept
{
    plan.report = child_report{};
    plan.report.where = stage::clone; // for a child that is killed before it can say anything
    attempt a;
    if (!clone3_refused.load(std::memory_order_relaxed)) {
        plan.reset_signals = plan.keep_ignored ? 0 : signals_to_reset(true);
        a = by_clone3(stack, plan, share_table);
        if ((a.error != ENOSYS && a.error != EPERM) || plan.cgroup >= 0)
            return a; // with a cgroup the refusal may be of that alone
        clone3_refused.store(true, std::memory_order_relaxed);
    }
    if (plan.cgroup >= 0) { // only clone3 can do that
        a.error = ENOSYS;
        return a;
    }
    plan.reset_signals = signals_to_reset(false);
    return by_clone(stack, plan, share_table);
}

attempt blocked_attempt(child_stack const& stack, child_plan& plan, bool share_table) noexcept
{
    all_signals_blocked const blocked;
    std::uint64_t const wanted = plan.signal_mask;
    if (plan.signal_mask == ~std::uint64_t{0}) // stands for "the caller's own"
        plan.signal_mask = blocked.before();
    attempt const a = one_attempt(stack, plan, share_table);
    plan.signal_mask = wanted;
    return a;
}

child_stack const& own_stack() noexcept
{
    thread_local child_stack const stack;
    return stack;
}

stage failed_stage(attempt const& failed, child_plan const& plan) noexcept
{
    // Limits and want of memory are told as without a cgroup.
    bool const of_cgroup = plan.cgroup >= 0 && failed.error != EAGAIN && failed.error != ENOMEM;
    return of_cgroup ? stage::cgroup : stage::clone;
}

error_code system_error_code(int error) noexcept
{
    return {error, boost::system::system_category()};
}

} // namespace

error_code error_of(child_report const& report) noexcept
{
    if (report.error == child_report::not_verified)
        return make_error_code(errc::identity_not_verified);
    return report.error != 0 ? system_error_code(report.error)
                             : make_error_code(errc::died_before_exec);
}

birth give_birth(child_plan& plan, bool share_table) noexcept
{
    birth_under_way const until_it_is_noted;
    birth result;
    child_stack const& stack = own_stack();
    if (!stack.valid()) {
        result.failed_at = stage::clone;
        result.error = system_error_code(ENOMEM);
        return result;
    }
    unsigned const shared_below = plan.shared_below;
    for (;; share_table = false) {
        bool const share = share_table && !unshare_refused.load(std::memory_order_relaxed);
        plan.shared_below = share ? shared_below : 0;
        attempt const a = blocked_attempt(stack, plan, share);
#ifdef EXECASIO_ASAN
        __asan_unpoison_memory_region(stack.bottom(), child_stack::size);
#endif
        if (a.error != 0) {
            result.failed_at = failed_stage(a, plan);
            result.error = system_error_code(a.error);
            return result;
        }
        child_handle child(a.pid, unique_fd(a.pidfd));
        child_report const& report = plan.report;
        if (report.error == 0 && report.where == stage::exec) {
            result.child = std::move(child);
            return result;
        }
        // It said what failed, or was killed before it could; it ends, or has ended, either way.
        // Its number is nobody's who is to be guarded: it may be another's as soon as it is reaped.
        if (plan.guard)
            plan.guard->pid = 0;
        child.reap_blocking();
        if (report.table_refused) {
            // ENOMEM and the like are of the moment.
            if (report.error == ENOSYS || report.error == EPERM || report.error == EINVAL)
                unshare_refused.store(true, std::memory_order_relaxed);
            continue;
        }
        result.failed_at = report.where;
        result.error = error_of(report);
        result.failed_pid = a.pid;
        result.failed_detail = report.detail;
        return result;
    }
}

begun_birth begin_birth(child_plan& plan) noexcept
{
    begun_birth result;
    result.failed_at = stage::clone;
    child_stack const& stack = own_stack();
    int ends[2] = {-1, -1};
    if (!stack.valid() || ::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        result.error = system_error_code(stack.valid() ? errno : ENOMEM);
        return result;
    }
    result.report = unique_fd(ends[0]);
    unique_fd writer(ends[1]);
    int const highest_target = plan.moves[plan.move_count - 1].to;
    if (writer.get() <= highest_target) {
        writer.reset(::fcntl(writer.get(), F_DUPFD_CLOEXEC, highest_target + 1));
        if (!writer) {
            result.error = system_error_code(errno);
            return result;
        }
    }
    plan.report_fd = writer.get();
    // The table is copied as a whole: to share it for a moment, while this process goes on using
    // it, would save little next to the copy of the memory.
    plan.shared_below = 0;
    birth_under_way const until_it_is_noted;
    attempt const a = blocked_attempt(stack, plan, false);
    plan.report_fd = -1;
    if (a.error != 0) {
        result.failed_at = failed_stage(a, plan);
        result.error = system_error_code(a.error);
        return result;
    }
    result.failed_at = stage::none;
    result.child = child_handle(a.pid, unique_fd(a.pidfd));
    return result;
}

} // namespace execasio::sys
