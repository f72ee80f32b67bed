#include "bench/interrupts.hpp"

#include <execasio/stop.hpp>

#include <signal.h>

namespace execasio_tool::bench {

interrupts::interrupts(asio::any_io_executor executor, execasio::stop_plan plan)
    : signals_(std::move(executor), SIGINT, SIGTERM, SIGHUP),
      plan_(std::move(plan))
{
    wait();
}

void interrupts::close()
{
    execasio::error_code ignored;
    signals_.cancel(ignored);
    signals_.clear(ignored);
}

void interrupts::wait()
{
    signals_.async_wait([this](execasio::error_code ec, int number) {
        if (ec)
            return;
        received(number);
        wait();
    });
}

void interrupts::received(int number)
{
    bool const again = requested();
    if (!again)
        signal_ = number;
    urgent_ = urgent_ || again;
    if (!child_)
        return;
    if (!urgent_) {
        execasio::request_stop(*child_, plan_);
        return;
    }
    // A plan that is under way cannot be replaced, but overtaken.
    execasio::error_code ignored;
    child_->signal_group(SIGKILL, ignored);
    child_->signal(SIGKILL, ignored);
}

} // namespace execasio_tool::bench
