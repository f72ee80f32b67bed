#pragma once

#include "bench/interrupts.hpp"
#include "bench/launcher.hpp"
#include "bench/plan.hpp"
#include "bench/progress.hpp"
#include "bench/report.hpp"

#include <execasio/command.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace execasio_tool::bench {

/// Carries out a plan, from the measurement of its own cost to the last cleaning up, and fills in a
/// report. A failure or an interrupt ends the measuring, but neither the cleaning up nor the report
/// of what was measured.
class session {
public:
    session(report& r, std::vector<turn_group> plan, interrupts& i, progress& p);

    asio::awaitable<void> run();

private:
    /// A benchmark while it is measured.
    struct participant {
        std::size_t measurement;
        execasio::command command;
    };

    [[nodiscard]] bool goes_on() const noexcept;
    void fail(std::string why);

    asio::awaitable<void> measure_own_cost();
    asio::awaitable<std::optional<double>> median_wall(execasio::command cmd, unsigned runs,
                                                       own_cost* cost);
    asio::awaitable<void> run_group(turn_group group);
    asio::awaitable<void> warm_up(std::vector<participant>& all);
    asio::awaitable<void> take_turns(std::vector<participant>& all);
    asio::awaitable<void> measure_memory(participant& p);
    asio::awaitable<std::optional<sample>> run_once(participant& p, std::string when);
    asio::awaitable<void> help(std::string line, std::string what);

    [[nodiscard]] std::vector<std::size_t> order_of_round(std::size_t round, std::size_t count);
    [[nodiscard]] measurement& of(participant const& p);

    report& report_;
    settings const& settings_;
    std::vector<turn_group> plan_;
    interrupts& interrupts_;
    progress& progress_;
    launcher launcher_;
    std::optional<std::string> gauge_;
    std::mt19937_64 shuffle_;
};

} // namespace execasio_tool::bench
