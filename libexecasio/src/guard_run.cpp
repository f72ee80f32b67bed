#include "guard_run.hpp"

#include "linux/cpu_clock.hpp"
#include "process_state.hpp"
#include "readiness.hpp"

#include <algorithm>

#include <poll.h>

namespace execasio::detail {

guard_run::guard_run(process_state& target, time_guards guards, stop_plan plan)
    : target_(target),
      guards_(std::move(guards)),
      plan_(std::move(plan)),
      run_timer_(target.executor()),
      ready_timer_(target.executor()),
      idle_timer_(target.executor()),
      cpu_timer_(target.executor())
{
}

void guard_run::start()
{
    if (guards_.idle_time() && !has_output())
        throw boost::system::system_error(errc::not_piped, "guard");
    target_.add_waiter(); // the end of the process is the end of the guards
    waiting_ = true;
    if (guards_.ready_within())
        start_readiness();
    if (auto const limit = guards_.run_time()) {
        ++left_;
        at(run_timer_, deadline_after(target_.started(), *limit),
           [this] { violated(end_cause::time_limit); });
    }
    if (guards_.idle_time()) {
        ++left_;
        written_ = written();
        last_sign_ = look_due_ = clock::now();
        look_at_output();
    }
    if (guards_.cpu_time()) {
        ++left_;
        look_at_cpu();
    }
}

void guard_run::end() noexcept
{
    run_timer_.cancel();
    ready_timer_.cancel();
    idle_timer_.cancel();
    cpu_timer_.cancel();
    if (ready_)
        ready_->stop();
    if (std::exchange(waiting_, false))
        target_.remove_waiter();
}

/// Expired timers may have their handlers queued when all ends.
template <class Handler>
void guard_run::at(asio::steady_timer& timer, clock::time_point when, Handler handler)
{
    if (!waiting_) // the first look of another guard was its last
        return;
    timer.expires_at(when);
    timer.async_wait([self = shared_from_this(), state = target_.shared_from_this(),
                      handler](error_code ec) mutable {
        if (!ec && self->waiting_)
            handler();
    });
}

void guard_run::violated(end_cause cause)
{
    if (!waiting_)
        return;
    stop_plan plan = std::move(plan_);
    end();
    target_.begin_stop(std::move(plan), cause);
}

void guard_run::done()
{
    if (--left_ == 0)
        end();
}

void guard_run::start_readiness()
{
    ready_ =
        std::make_shared<ready_watch>(target_, *guards_.ready_how(), [weak = weak_from_this()] {
            auto const self = weak.lock();
            if (!self || !self->waiting_)
                return;
            self->ready_timer_.cancel();
            self->done();
        });
    ready_->start();
    ++left_;
    at(ready_timer_, deadline_after(target_.started(), *guards_.ready_within()),
       [this] { violated(end_cause::not_ready); });
}

std::uint64_t guard_run::written() const noexcept
{
    // Reading moves bytes from one summand to the other. A terminal does not tell how much waits in
    // it.
    std::uint64_t sum = 0;
    for (output_stream const* s : {&target_.output, &target_.error})
        sum += s->total() + (s->capacity() != 0 ? s->available() : 0);
    return sum;
}

bool guard_run::may_wait_for_reader() const noexcept
{
    for (output_stream const* s : {&target_.output, &target_.error}) {
        if (std::size_t const size = s->capacity(); size != 0) {
            if (s->available() >= size / 2)
                return true;
        } else if (s->is_open()) { // a terminal
            pollfd p{s->native_handle(), POLLIN, 0};
            if (::poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0)
                return true;
        }
    }
    return false;
}

bool guard_run::has_output() const noexcept
{
    return target_.output.is_open() || target_.error.is_open();
}

void guard_run::look_at_output()
{
    auto const limit = std::chrono::duration_cast<clock::duration>(
        std::min(*guards_.idle_time(), time_guards::duration(std::chrono::hours(24 * 365 * 100))));
    if (!has_output()) { // closed by this program: silence means nothing any more
        done();
        return;
    }
    constexpr clock::duration shortest = std::chrono::milliseconds(10);
    auto const step = std::max(shortest, limit / 8);
    auto const now = clock::now();
    // A time in which this program itself stood still, such as one that was stopped, is no silence:
    // the process may have stood still, too.
    if (auto const late = now - look_due_; late > step)
        last_sign_ += late;
    if (std::uint64_t const sum = written(); sum != written_ || may_wait_for_reader()) {
        written_ = sum;
        last_sign_ = now;
    } else if (now - last_sign_ >= limit) {
        violated(end_cause::idle);
        return;
    }
    look_due_ = std::min(now + step, std::max(last_sign_ + limit, now));
    at(idle_timer_, look_due_, [this] { look_at_output(); });
}

void guard_run::look_at_cpu()
{
    auto const used = target_.cpu_time();
    if (!used) { // reaped by other code: the exit will tell
        done();
        return;
    }
    if (*used >= *guards_.cpu_time()) {
        violated(end_cause::cpu_time);
        return;
    }
    // All of the machine's CPUs may be at work. A process that sleeps is looked at less often.
    constexpr clock::duration shortest = std::chrono::milliseconds(10);
    constexpr clock::duration longest_asleep = std::chrono::milliseconds(100);
    auto const left = std::chrono::duration_cast<clock::duration>(
        std::min(*guards_.cpu_time(), time_guards::duration(std::chrono::hours(24 * 365 * 100))) -
        *used);
    auto pause = std::max(shortest, left / sys::cpu_count());
    if (*used == cpu_used_)
        pause = std::max(pause, std::min(cpu_pause_ * 2, longest_asleep));
    cpu_used_ = *used;
    cpu_pause_ = pause;
    at(cpu_timer_, clock::now() + pause, [this] { look_at_cpu(); });
}

} // namespace execasio::detail
