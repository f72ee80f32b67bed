// Runs between clone and exec: raw system calls only, compiled without sanitizers, as child.cpp.
// The man pages: credentials(7), capabilities(7), user_namespaces(7).
#include "linux/identity_steps.hpp"

#include "linux/child.hpp"

#include <cerrno>

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

constexpr std::uint64_t setpcap = std::uint64_t{1} << CAP_SETPCAP;
constexpr unsigned max_capabilities = 64;

struct capability_sets {
    std::uint64_t effective = 0;
    std::uint64_t permitted = 0;
    std::uint64_t inheritable = 0;

    bool operator==(capability_sets const&) const noexcept = default;
};

bool read(capability_sets& sets) noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) != 0)
        return false;
    sets.effective = data[0].effective | std::uint64_t{data[1].effective} << 32;
    sets.permitted = data[0].permitted | std::uint64_t{data[1].permitted} << 32;
    sets.inheritable = data[0].inheritable | std::uint64_t{data[1].inheritable} << 32;
    return true;
}

bool write(capability_sets const& sets) noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    for (unsigned half = 0; half < 2; ++half) {
        data[half].effective = static_cast<std::uint32_t>(sets.effective >> (32 * half));
        data[half].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * half));
        data[half].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * half));
    }
    return ::syscall(SYS_capset, &header, data) == 0;
}

long control(int option, unsigned long a = 0, unsigned long b = 0) noexcept
{
    return ::syscall(SYS_prctl, option, a, b, 0UL, 0UL);
}

bool contains(std::uint64_t set, unsigned number) noexcept
{
    return (set >> number & 1) != 0;
}

int lowest(std::uint64_t set) noexcept
{
    int number = 0;
    while (set != 0 && !(set >> number & 1))
        ++number;
    return number;
}

/// The kernel treats user number 0 at exec as the owner of all capabilities, unless told not to.
bool is_superuser(identity_plan const& plan) noexcept
{
    if (plan.set_user)
        return plan.user == 0;
    return ::syscall(SYS_getuid) == 0 || ::syscall(SYS_geteuid) == 0;
}

/// Whether the change is one by which the kernel takes all capabilities away.
bool leaves_superuser(identity_plan const& plan) noexcept
{
    uid_t u[3] = {};
    return plan.set_user && plan.user != 0 &&
           (::syscall(SYS_getresuid, &u[0], &u[1], &u[2]) != 0 || u[0] == 0 || u[1] == 0 ||
            u[2] == 0);
}

/// The groups of this process, but for the primary one: being in it twice changes nothing.
/// @param exactly Also those of which nothing changes.
bool has_groups(identity_plan const& plan, bool exactly) noexcept
{
    long const count = ::syscall(SYS_getgroups, plan.group_count + 2, plan.scratch);
    if (count < 0)
        return false; // more than the buffer holds, so not the same
    // Sorted by the kernel, but by its own numbers: a user namespace may map them in another order.
    for (long i = 1; i < count; ++i) {
        gid_t const moved = plan.scratch[i];
        long place = i;
        for (; place > 0 && plan.scratch[place - 1] > moved; --place)
            plan.scratch[place] = plan.scratch[place - 1];
        plan.scratch[place] = moved;
    }
    auto const after = [&](gid_t const* list, std::size_t size, std::size_t at) {
        while (!exactly && at < size && list[at] == plan.group)
            ++at;
        return at;
    };
    std::size_t const size = static_cast<std::size_t>(count);
    std::size_t there = after(plan.scratch, size, 0);
    std::size_t wanted = after(plan.groups, plan.group_count, 0);
    while (there < size && wanted < plan.group_count) {
        if (plan.scratch[there] != plan.groups[wanted])
            return false;
        there = after(plan.scratch, size, there + 1);
        wanted = after(plan.groups, plan.group_count, wanted + 1);
    }
    return there == size && wanted == plan.group_count;
}

bool has_user(identity_plan const& plan) noexcept
{
    uid_t u[3] = {};
    gid_t g[3] = {};
    if (::syscall(SYS_getresuid, &u[0], &u[1], &u[2]) != 0 ||
        ::syscall(SYS_getresgid, &g[0], &g[1], &g[2]) != 0)
        return false;
    for (int i = 0; i < 3; ++i)
        if (u[i] != plan.user || g[i] != plan.group)
            return false;
    return true;
}

/// What the parent's session keyring holds (session-keyring(7)) could be read by whoever is in the
/// session. An empty one in its place, made before the change, since ordinary users may have few.
/// Nothing is said where the kernel has no keys, or a container's filter forbids it.
void leave_session_keyring(identity_plan const& plan) noexcept
{
    if (::syscall(SYS_getuid) != static_cast<long>(plan.user))
        ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
}

int change_user(identity_plan const& plan) noexcept
{
    leave_session_keyring(plan);
    // Refused without CAP_SETGID, and in a user namespace that denies it or has no number for one
    // of them: no harm if there is nothing to drop or to add.
    if (!has_groups(plan, true) && ::syscall(SYS_setgroups, plan.group_count, plan.groups) != 0) {
        int const error = errno;
        if (error != EPERM || !has_groups(plan, false))
            return error;
    }
    if (::syscall(SYS_setresgid, plan.group, plan.group, plan.group) != 0)
        return errno;
    if (::syscall(SYS_setresuid, plan.user, plan.user, plan.user) != 0)
        return errno;
    return has_user(plan) && has_groups(plan, false) ? 0 : child_report::not_verified;
}

/// Before the change of the user, while CAP_SETPCAP is still effective.
int limit_bounding(std::uint64_t bounding) noexcept
{
    for (unsigned number = 0; number < max_capabilities; ++number) {
        if (contains(bounding, number))
            continue;
        long const there = control(PR_CAPBSET_READ, number);
        if (there < 0)
            break; // EINVAL: past the last that this kernel knows
        if (there == 1 && control(PR_CAPBSET_DROP, number) != 0)
            return errno;
        if (control(PR_CAPBSET_READ, number) != 0)
            return child_report::not_verified;
    }
    return 0;
}

int raise_ambient(std::uint64_t kept, child_report& report) noexcept
{
    if (control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL) != 0)
        return errno;
    for (unsigned number = 0; number < max_capabilities; ++number) {
        if (!contains(kept, number))
            continue;
        report.detail = static_cast<int>(number);
        if (control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number) != 0)
            return errno;
    }
    return 0;
}

int verify_ambient(std::uint64_t kept) noexcept
{
    for (unsigned number = 0; number < max_capabilities; ++number) {
        long const there = control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number);
        if (there < 0)
            break; // past the last that this kernel knows
        if ((there == 1) != contains(kept, number))
            return child_report::not_verified;
    }
    return 0;
}

int set_securebits(unsigned bits) noexcept
{
    if (control(PR_SET_SECUREBITS, bits) != 0)
        return errno;
    auto const keep_caps = static_cast<long>(SECBIT_KEEP_CAPS); // execve clears it anyway
    return (control(PR_GET_SECUREBITS) | keep_caps) == (static_cast<long>(bits) | keep_caps)
               ? 0
               : child_report::not_verified;
}

} // namespace

void use_permitted_capabilities() noexcept
{
    capability_sets sets;
    if (read(sets) && sets.effective != sets.permitted) {
        sets.effective = sets.permitted;
        write(sets);
    }
}

bool drop_capabilities() noexcept
{
    return write({});
}

int change_identity(identity_plan const& plan, child_report& report) noexcept
{
    // What is in this memory is the parent's. A change of the user sets the flag as well, but not
    // if there is none to the kernel's mind; and nobody may look in before exec.
    control(PR_SET_DUMPABLE, 0);

    bool const superuser = is_superuser(plan);
    bool const exactly = plan.keep_capabilities && !(superuser && plan.root_keeps_all);
    std::uint64_t const wanted = plan.keep_capabilities ? plan.kept : 0;
    std::uint64_t const passed_on = plan.pass_on ? wanted : 0;
    long securebits = control(PR_GET_SECUREBITS);
    if (plan.set_securebits)
        securebits = static_cast<long>(plan.securebits);
    if (exactly && superuser)
        securebits |= SECBIT_NOROOT; // or exec would give it all that there are
    bool const change_securebits = securebits != control(PR_GET_SECUREBITS);
    bool const change_capabilities = plan.keep_capabilities || plan.set_user;

    report.where = stage::capabilities;
    capability_sets before;
    if (!read(before))
        return errno;
    if (std::uint64_t const missing = wanted & ~before.permitted; missing != 0) {
        report.detail = lowest(missing);
        return EPERM;
    }
    std::uint64_t const kept = exactly || !plan.keep_capabilities ? wanted : before.permitted;
    // What is inheritable must be set before the bounding set, which limits that step.
    capability_sets const now{before.permitted, before.permitted,
                              change_capabilities ? passed_on : before.inheritable};
    if (now != before && !write(now))
        return errno;
    if (plan.limit_bounding)
        if (int const error = limit_bounding(plan.bounding); error != 0)
            return error;
    // Raising ambient capabilities may be what the secure bits forbid, so those come last, and need
    // one capability until then.
    std::uint64_t const for_the_end = change_securebits ? before.permitted & setpcap : 0;
    if ((kept | for_the_end) != 0 && leaves_superuser(plan) && control(PR_SET_KEEPCAPS, 1) != 0)
        return errno;

    if (plan.set_user) {
        report.where = stage::credentials;
        if (int const error = change_user(plan); error != 0)
            return error;
        report.where = stage::capabilities;
    }

    // Without a word about capabilities a new user 0 keeps what exec would give it anyway, anybody
    // else nothing: not even where the kernel would leave it, from one ordinary user to another.
    bool const leave = !plan.keep_capabilities && (superuser || !plan.set_user);
    capability_sets last;
    if (!read(last))
        return errno;
    if (!leave) {
        last = {kept | for_the_end, kept | for_the_end, passed_on};
        if (!write(last))
            return errno;
    }
    if (change_capabilities)
        if (int const error = raise_ambient(passed_on, report); error != 0)
            return error;
    report.detail = child_report::no_detail;
    if (change_securebits)
        if (int const error = set_securebits(static_cast<unsigned>(securebits)); error != 0)
            return error;
    if (!leave) {
        last = {kept, kept, passed_on};
        if (!write(last))
            return errno;
    }
    capability_sets after;
    if (!read(after))
        return errno;
    if (after != last)
        return child_report::not_verified;
    return change_capabilities ? verify_ambient(passed_on) : 0;
}

} // namespace execasio::sys
