#include "bench/interrupts.hpp"

#include <execasio/stop.hpp>

#include <utility>

namespace execasio_tool::bench {

interrupts::interrupts(asio::any_io_executor executor, execasio::stop_plan plan)
    : plan_(std::move(plan)),
      signals_(std::move(executor), [this](ending_signals::received s) { received(s.number); })
{
}

void interrupts::received(int number)
{
    bool const again = requested();
    if (!again)
        signal_ = number;
    urgent_ = urgent_ || again;
    if (!child_)
        return;
    if (urgent_)
        kill_at_once(*child_);
    else
        execasio::request_stop(*child_, plan_);
}

} // namespace execasio_tool::bench
