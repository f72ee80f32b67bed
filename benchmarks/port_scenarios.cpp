#include "port_scenarios.hpp"

#include "section.hpp"

namespace benchmark {
namespace {

using kind = port_event::kind;

/// Starts some and waits until each has said its number.
asio::awaitable<std::vector<int>> start_idle(port_session& port, long long count,
                                             std::string program)
{
    std::vector<int> pids;
    std::vector<std::string> const command(1, program);
    for (long long i = 0; i < count; ++i) {
        co_await port.run(command);
        port_event event;
        while (event.what != kind::started)
            event = co_await port.next();
        pids.push_back(event.pid);
    }
    co_return pids;
}

/// Waits until so many have ended.
asio::awaitable<void> await_ends(port_session& port, std::size_t count)
{
    while (count != 0) {
        port_event const event = co_await port.next();
        count -= event.what == kind::ended ? 1U : 0U;
    }
}

/// Runs one after the other, so many; figures for each.
asio::awaitable<port_figures> run_in_turn(port_session& port, long long count)
{
    std::vector<double> times;
    std::vector<std::string> const command(1, helper("pb_nop"));
    double const cpu = port.cpu();
    for (long long i = 0; i < count; ++i) {
        auto const begin = clock::now();
        co_await port.run(command);
        bool started = false;
        bool ended = false;
        while (!ended) {
            port_event const event = co_await port.next();
            started = started || event.what == kind::started;
            ended = event.what == kind::ended;
            verify(!ended || (started && event.status == 0), "a run did not go as it should");
        }
        times.push_back(seconds_since(begin) * 1e6);
    }
    port_figures figures;
    figures.emplace_back("run_p50_us", percentile(times, 0.5));
    figures.emplace_back("cpu_us_per_run", (port.cpu() - cpu) / static_cast<double>(count) * 1e6);
    co_return figures;
}

asio::awaitable<port_figures> runs(port_session& port, long long count)
{
    port_figures const figures = co_await run_in_turn(port, count);
    co_return figures;
}

asio::awaitable<port_figures> runs_beside_idle(port_session& port, long long idle)
{
    co_await start_idle(port, idle, helper("pb_pause"));
    port_figures const figures = co_await run_in_turn(port, 200);
    co_return figures;
}

asio::awaitable<port_figures> output(port_session& port, long long bytes)
{
    std::vector<std::string> const command{helper("pb_write"), std::to_string(bytes)};
    double const cpu = port.cpu();
    auto const begin = clock::now();
    co_await port.run(command);
    long long got = 0;
    bool ended = false;
    while (!ended) {
        port_event const event = co_await port.next();
        got += static_cast<long long>(event.bytes);
        ended = event.what == kind::ended;
    }
    double const elapsed = seconds_since(begin);
    verify(got == bytes, "a wrong number of bytes arrived before the end was told");
    double const size = static_cast<double>(bytes);
    port_figures figures;
    figures.emplace_back("MB_per_s", size / elapsed / 1e6);
    figures.emplace_back("cpu_s_per_GB", (port.cpu() - cpu) / size * 1e9);
    co_return figures;
}

asio::awaitable<port_figures> stop_all(port_session& port, long long count)
{
    auto const pids = co_await start_idle(port, count, helper("pb_pause"));
    double const cpu = port.cpu();
    auto const begin = clock::now();
    for (int const pid : pids)
        co_await port.stop(pid);
    co_await await_ends(port, pids.size());
    port_figures figures;
    figures.emplace_back("elapsed_s", seconds_since(begin));
    figures.emplace_back("cpu_s", port.cpu() - cpu);
    co_return figures;
}

asio::awaitable<port_figures> kill_timeout(port_session& port, long long rounds)
{
    std::vector<double> late;
    std::vector<std::string> const command(1, helper("pb_stubborn"));
    for (long long i = 0; i < rounds; ++i) {
        co_await port.run(command, 1);
        int pid = 0;
        bool ready = false; // it has said that it ignores the signal
        while (pid == 0 || !ready) {
            port_event const event = co_await port.next();
            pid = event.what == kind::started ? event.pid : pid;
            ready = ready || event.what == kind::output;
        }
        auto const begin = clock::now();
        co_await port.stop(pid);
        co_await await_ends(port, 1);
        late.push_back((seconds_since(begin) - 1) * 1e3);
    }
    port_figures figures;
    figures.emplace_back("late_p50_ms", percentile(late, 0.5));
    figures.emplace_back("late_max_ms", percentile(late, 1));
    co_return figures;
}

asio::awaitable<port_figures> shutdown_time(port_session& port, long long children)
{
    co_await start_idle(port, children, helper("pb_pause"));
    auto const begin = clock::now();
    co_await port.shut_down();
    port_figures figures;
    figures.emplace_back("elapsed_ms", seconds_since(begin) * 1e3);
    co_return figures;
}

} // namespace

std::vector<port_scenario> const& port_scenarios()
{
    static std::vector<port_scenario> const all{
        {"run after run", runs, 1000, 20},
        {"run after run, beside 1,000 idle children", runs_beside_idle, 1000, 10},
        {"output of 300 MB", output, 300'000'000, 1'000'000},
        {"stop 500 children", stop_all, 500, 10},
        {"kill_timeout of 1 s", kill_timeout, 3, 1},
        {"shutdown with one child", shutdown_time, 1, 1},
    };
    return all;
}

} // namespace benchmark
