#include "bench/session.hpp"

#include "bench/memory_gauge.hpp"
#include "bench/statistics.hpp"

#include <execasio/error.hpp>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include <sys/resource.h>

namespace execasio_tool::bench {
namespace {

double seconds(std::chrono::nanoseconds t)
{
    return std::chrono::duration<double>(t).count();
}

double own_cpu_time()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

sample sample_of(execasio::exit_record const& how)
{
    sample s;
    s.wall = seconds(how.wall_time());
    s.user = seconds(how.user_time());
    s.system = seconds(how.system_time());
    s.peak_memory = how.peak_memory();
    s.memory_exact = how.peak_memory_exact();
    s.voluntary_switches = how.usage().ru_nvcsw;
    s.involuntary_switches = how.usage().ru_nivcsw;
    s.minor_faults = how.usage().ru_minflt;
    s.major_faults = how.usage().ru_majflt;
    s.status = how.native_status();
    s.stopped = how.cause() == execasio::end_cause::time_limit;
    return s;
}

} // namespace

session::session(report& r, std::vector<turn_group> plan, interrupts& i, progress& p)
    : report_(r),
      settings_(r.settings),
      plan_(std::move(plan)),
      interrupts_(i),
      progress_(p),
      launcher_(settings_, interrupts_),
      gauge_(gauge_program()),
      shuffle_(settings_.seed)
{
}

bool session::goes_on() const noexcept
{
    return report_.failure.empty() && !interrupts_.requested();
}

void session::fail(std::string why)
{
    // The first one is the cause; and what an interrupt brings about is no failure.
    if (goes_on())
        report_.failure = std::move(why);
}

measurement& session::of(participant const& p)
{
    return report_.measurements[p.measurement];
}

asio::awaitable<void> session::run()
{
    co_await measure_own_cost();
    machine_state const before = read_machine_state();
    report_.load = before.load;
    for (turn_group const& group : plan_)
        if (goes_on())
            co_await run_group(group);
    report_.noise = disturbance_between(before, read_machine_state());
    report_.signal = interrupts_.signal();
    progress_.clear();
}

asio::awaitable<void> session::measure_own_cost()
{
    if (gauge_) {
        constexpr unsigned runs = 50;
        execasio::command const nothing = launcher_.measured({*gauge_});
        co_await median_wall(nothing, 5, nullptr);
        own_cost cost;
        double const cpu = own_cpu_time();
        auto const wall = co_await median_wall(nothing, runs, &cost);
        if (wall) {
            cost.cpu = (own_cpu_time() - cpu) / runs;
            report_.cost = cost;
        }
    }
    if (!settings_.shell.empty()) {
        execasio::command const empty = launcher_.measured(words_of(":", settings_));
        report_.shell_start = co_await median_wall(empty, 20, nullptr);
    }
}

asio::awaitable<std::optional<double>> session::median_wall(execasio::command cmd, unsigned runs,
                                                            own_cost* cost)
{
    std::vector<double> walls;
    try {
        while (walls.size() < runs && goes_on()) {
            execasio::exit_record const how = co_await launcher_.run_measured(cmd);
            walls.push_back(seconds(how.wall_time()));
        }
    } catch (boost::system::system_error const& e) {
        fail(e.what()); // the shell, or the CPUs, or the input file: none of the runs would fare
                        // better
    }
    if (walls.size() < runs)
        co_return std::nullopt;
    std::sort(walls.begin(), walls.end());
    if (cost) {
        cost->runs = runs;
        cost->wall = quantile(walls, 0.5);
        cost->wall_least = walls.front();
        cost->wall_upper = quantile(walls, 0.95);
    }
    co_return quantile(walls, 0.5);
}

asio::awaitable<void> session::run_group(turn_group group)
{
    std::vector<participant> all;
    for (benchmark const& b : group) {
        all.push_back(
            {report_.measurements.size(), launcher_.measured(words_of(b.line, settings_))});
        report_.measurements.push_back(measurement{b, {}, {}, 0});
    }
    for (benchmark const& b : group)
        if (goes_on())
            co_await help(b.setup, "the setup of '" + b.name + "'");
    co_await warm_up(all);
    co_await take_turns(all);
    for (participant& p : all)
        if (goes_on())
            co_await measure_memory(p);
    for (benchmark const& b : group)
        co_await help(b.cleanup, "the cleanup of '" + b.name + "'");
    if (settings_.paired)
        for (std::size_t i = 0; i + 1 < all.size(); ++i)
            if (auto c =
                    compare_pairs(report_.measurements, all[i].measurement, all.back().measurement))
                report_.comparisons.push_back(std::move(*c));
}

asio::awaitable<void> session::warm_up(std::vector<participant>& all)
{
    for (unsigned run = 0; run < settings_.warmup; ++run)
        for (participant& p : all) {
            if (!goes_on())
                co_return;
            if (run == 0)
                progress_.phase(p.measurement, of(p).what.name, "warm-up");
            auto const s = co_await run_once(p, "warm-up run " + std::to_string(run + 1));
            if (s && s->failed())
                ++of(p).warmup_failures;
        }
}

asio::awaitable<void> session::take_turns(std::vector<participant>& all)
{
    using clock = std::chrono::steady_clock;
    auto const began = clock::now();
    double const wanted = seconds(settings_.min_time) * static_cast<double>(all.size());
    measurement const& first = of(all.front());
    progress_.phase(all.front().measurement,
                    first.what.name + (all.size() > 1 ? " and others by turns" : ""), "");
    double part = 0; // of what is to be done
    for (std::size_t round = 0; part < 1; ++round) {
        for (std::size_t const index : order_of_round(round, all.size())) {
            if (!goes_on())
                co_return;
            participant& p = all[index];
            auto const s = co_await run_once(p, "run " + std::to_string(round + 1));
            if (!s)
                co_return;
            of(p).runs.push_back(*s);
            progress_.step(of(p), part);
        }
        double const runs = static_cast<double>(round + 1);
        double const passed = wanted > 0 ? seconds(clock::now() - began) / wanted : 1;
        part = std::min(passed, runs / settings_.min_runs);
        if (settings_.max_runs)
            part = std::max(part, runs / *settings_.max_runs);
    }
}

asio::awaitable<void> session::measure_memory(participant& p)
{
    auto const all_exact = [&] {
        auto const& runs = of(p).runs;
        return std::all_of(runs.begin(), runs.end(),
                           [](sample const& s) { return s.memory_exact || s.stopped; });
    };
    if (!gauge_ || all_exact())
        co_return;
    benchmark const what = of(p).what;
    co_await help(what.prepare, "the preparation of '" + what.name + "'");
    if (!goes_on())
        co_return;
    std::optional<gauged> result;
    try {
        result = co_await run_gauged(launcher_, *gauge_, words_of(what.line, settings_));
    } catch (boost::system::system_error const& e) {
        fail(e.what());
    }
    bool const failed = result && result->status != 0;
    if (failed && !settings_.ignore_failure)
        fail("'" + what.name + "' failed in the run for its peak memory: " +
             describe(execasio::exit_record(result->status, {}, {})));
    if (result)
        of(p).memory_run = result->peak_memory;
    co_await help(what.conclude, "the conclusion of '" + what.name + "'");
}

asio::awaitable<std::optional<sample>> session::run_once(participant& p, std::string when)
{
    benchmark const what = of(p).what;
    co_await help(what.prepare, "the preparation of '" + what.name + "'");
    if (!goes_on())
        co_return std::nullopt;
    std::optional<execasio::exit_record> how;
    try {
        how = co_await launcher_.run_measured(p.command);
    } catch (boost::system::system_error const& e) {
        fail("'" + what.name + "' cannot be run: " + e.what());
        co_return std::nullopt;
    }
    bool const by_us = how->cause() == execasio::end_cause::stopped;
    sample const s = sample_of(*how);
    if (s.failed() && !by_us && !settings_.ignore_failure)
        fail("'" + what.name + "' failed in " + when + ": " + describe(*how) +
             (s.stopped ? ", stopped by the time limit" : "") +
             ". To go on after failures: --ignore-failure; to see what it prints: --show-output.");
    co_await help(what.conclude, "the conclusion of '" + what.name + "'");
    if (by_us || !report_.failure.empty())
        co_return std::nullopt;
    co_return s;
}

asio::awaitable<void> session::help(std::string line, std::string what)
{
    if (line.empty() || interrupts_.urgent())
        co_return;
    try {
        execasio::command const cmd = launcher_.helper(line);
        execasio::exit_record const how = co_await launcher_.run_helper(cmd);
        if (!how.success())
            fail(what + " failed: " + describe(how) + ": " + line);
    } catch (boost::system::system_error const& e) {
        fail(what + " cannot be run: " + e.what());
    }
}

std::vector<std::size_t> session::order_of_round(std::size_t round, std::size_t count)
{
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (settings_.order == pair_order::random) {
        // By hand: the standard leaves open what std::shuffle makes of a seed.
        for (std::size_t i = count - 1; i > 0; --i)
            std::swap(order[i], order[shuffle_() % (i + 1)]);
    } else if (round % 2 == 1) {
        std::reverse(order.begin(), order.end());
    }
    return order;
}

} // namespace execasio_tool::bench
