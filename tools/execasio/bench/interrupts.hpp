#pragma once

#include "ending_signals.hpp"

#include <execasio/process.hpp>
#include <execasio/stop_plan.hpp>

#include <memory>

namespace execasio_tool::bench {

namespace asio = boost::asio;

/// The signals that are to end the tool. The first makes the child of the moment end by its plan,
/// and nothing more is measured; what was is reported, after the cleaning up. The second kills it
/// at once, and nothing more is started.
class interrupts {
public:
    interrupts(asio::any_io_executor executor, execasio::stop_plan plan);
    interrupts(interrupts const&) = delete; // its handlers point here
    interrupts& operator=(interrupts const&) = delete;

    [[nodiscard]] int signal() const noexcept { return signal_; } ///< the first one; 0: none
    [[nodiscard]] bool requested() const noexcept { return signal_ != 0; }
    [[nodiscard]] bool urgent() const noexcept { return urgent_; } ///< there was a second

    /// The child to be ended from now on. Shared: a handler may be due after its end.
    void watch(std::shared_ptr<execasio::process> child) { child_ = std::move(child); }
    void forget() { child_.reset(); }

    void close() noexcept
    {
        signals_.close();
    } ///< signals have their effect again that they had before

private:
    void received(int number);

    execasio::stop_plan plan_;
    std::shared_ptr<execasio::process> child_;
    int signal_ = 0;
    bool urgent_ = false;
    ending_signals signals_;
};

} // namespace execasio_tool::bench
