#include "newborn.hpp"

#include "linux/poll_until.hpp"
#include "linux/process_entry.hpp"
#include "orphanage.hpp"

#include <cerrno>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace execasio::detail {

using clock = std::chrono::steady_clock;

newborn::newborn(sys::begun_birth begun) noexcept
    : child_(std::move(begun.child)),
      report_(std::move(begun.report)),
      error_(begun.error)
{
    last_.where = error_ ? begun.failed_at : stage::clone;
}

newborn::newborn(newborn&& other) noexcept
    : child_(std::exchange(other.child_, sys::child_handle())),
      report_(std::move(other.report_)),
      error_(other.error_),
      last_(other.last_),
      closed_(other.closed_)
{
}

newborn::~newborn()
{
    constexpr std::chrono::milliseconds patience{100};
    if (child_.pid() != 0)
        end(patience);
}

bool newborn::look() noexcept
{
    if (error_)
        return true;
    while (!closed_ && last_.error == 0)
        if (!read_report())
            return false;
    return true;
}

bool newborn::look_for_end() noexcept
{
    if (error_)
        return true;
    while (!closed_)
        if (!read_report())
            return false;
    return true;
}

/// @return False when there is nothing to read now.
bool newborn::read_report() noexcept
{
    sys::child_report next;
    ssize_t const size = ::read(report_.get(), &next, sizeof next);
    if (size == static_cast<ssize_t>(sizeof next))
        last_ = next;
    else if (size < 0 && errno == EAGAIN)
        return false;
    else if (size >= 0 || errno != EINTR) // the end; reports come as a whole or not at all
        closed_ = true;
    return true;
}

bool newborn::has_executed() const noexcept
{
    // Its number is its own: it has not been reaped.
    if (last_.where != stage::exec || child_.peek() != sys::wait_outcome::running)
        return false;
    sys::process_entry now;
    return sys::read_process(child_.pid(), now) && now.executed;
}

bool newborn::look_at_deadline() noexcept
{
    if (!look() && has_executed())
        closed_ = true;
    return look();
}

bool newborn::kill() noexcept
{
    return child_.signal(SIGKILL) != EPERM;
}

sys::birth newborn::wait(clock::time_point deadline) noexcept
{
    constexpr std::chrono::milliseconds patience{1000};
    while (!look())
        if (!sys::poll_until({report_.get(), POLLIN, 0}, deadline) && !look_at_deadline())
            return finish(make_error_code(boost::system::errc::timed_out), patience);
    return finish({}, patience);
}

sys::birth newborn::finish(error_code why, std::chrono::milliseconds patience) noexcept
{
    sys::birth result;
    if (error_) {
        result.failed_at = last_.where;
        result.error = error_;
        return result;
    }
    bool const executed = last_.error == 0 && last_.where == stage::exec && closed_;
    if (!why && executed) {
        result.child = std::exchange(child_, sys::child_handle());
        return result;
    }
    result.failed_at = last_.where;
    result.failed_detail = last_.detail;
    result.error = last_.error != 0 || !why ? sys::error_of(last_) : why;
    result.failed_pid = child_.pid();
    end(patience);
    return result;
}

void newborn::end(std::chrono::milliseconds patience) noexcept
{
    sys::child_handle child = std::exchange(child_, sys::child_handle());
    if (child.signal(SIGKILL) == EPERM)
        patience = patience.zero();
    // It may be in a system call that nothing interrupts, such as reading from a dead file server.
    auto const deadline = clock::now() + patience;
    bool const by_pidfd = child.pidfd() >= 0;
    pollfd const p{by_pidfd ? child.pidfd() : report_.get(),
                   static_cast<short>(by_pidfd ? POLLIN : 0), 0};
    // Without a pidfd the pipe's end says it, a moment before the child can be reaped.
    if (sys::poll_until(p, deadline) && !by_pidfd)
        child.reap_blocking();
    add_orphan(std::move(child)); // which reaps what has ended
}

} // namespace execasio::detail
