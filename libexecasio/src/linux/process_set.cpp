#include "linux/process_set.hpp"

#include "linux/child_handle.hpp"
#include "linux/continue_after.hpp"
#include "linux/last_error.hpp"

#include <cerrno>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {

bool held_process::living() const noexcept
{
    pollfd p{pidfd.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) != 1; // interrupted: it is looked at again
}

int held_process::signal(int number) const noexcept
{
    if (pidfd)
        return ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0) == 0 ? 0 : errno;
    if (!is_same_process(entry))
        return ESRCH;
    return ::kill(entry.pid, number) == 0 ? 0 : errno;
}

int held_process::signal_and_continue(int number) const noexcept
{
    int const error = signal(number);
    if (error == 0 && is_followed_by_continue(number))
        signal(SIGCONT);
    return error;
}

void throw_shortage(char const* what)
{
    if (is_shortage(errno))
        throw boost::system::system_error(last_error(), what);
}

bool hold(process_entry const& e, held_process& into)
{
    into.entry = e;
    into.pidfd = open_pidfd(e.pid);
    if (!into.pidfd) {
        throw_shortage("/proc");
        if (errno == ESRCH)
            return false;
    }
    if (is_same_process(e))
        return true;
    throw_shortage("/proc");
    return false;
}

void read_all(process_table& table)
{
    if (!table.read())
        throw_shortage("/proc");
}

bool process_set::add(process_entry const& e, look& seen)
{
    if (seen.held.size() < most_held) {
        try {
            held_process member;
            if (!hold(e, member))
                return false;
            seen.held.push_back(std::move(member));
        } catch (boost::system::system_error const&) { // no descriptor left
        }
    }
    ++seen.living;
    return true;
}

bool process_set::note(process_entry const& e)
{
    return signalled_.emplace(e.pid, e.start).second;
}

bool process_set::signal_rest(look const& seen, int number)
{
    bool may_signal = seen.living > seen.held.size(); // what could not be held is not known to us
    for (held_process const& member : seen.held) {
        bool const fresh = note(member.entry);
        // SIGKILL again and again: one by number may have been refused for want of memory.
        int const error = member.signal_and_continue(fresh || number == SIGKILL ? number : 0);
        may_signal = may_signal || error == 0 || error == ESRCH;
    }
    return may_signal;
}

} // namespace execasio::sys
