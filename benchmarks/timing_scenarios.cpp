#include "scenarios.hpp"
#include "section.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <vector>

#include <signal.h>

namespace benchmark {
namespace {

struct lateness {
    std::vector<double> kills; // milliseconds after the deadline
    std::vector<double> exits;
};

/// SIGTERM at a given time, SIGKILL 200 ms later if it lives.
asio::awaitable<void> end_one(execasio::process& p, clock::time_point when, lateness& late)
{
    constexpr std::chrono::milliseconds limit{200};
    asio::steady_timer timer(p.get_executor(), when);
    co_await timer.async_wait(asio::use_awaitable);
    auto const begin = clock::now();
    p.signal(SIGTERM);
    timer.expires_at(begin + limit);
    co_await timer.async_wait(asio::use_awaitable);
    verify(p.running(), "a child died of SIGTERM");
    p.signal(SIGKILL);
    late.kills.push_back((seconds_since(begin) - 0.2) * 1e3);
    execasio::exit_record const how = co_await p.wait();
    late.exits.push_back((seconds_since(begin) - 0.2) * 1e3);
    verify(how.signal() == SIGKILL, "a child ended in another way");
}

} // namespace

asio::awaitable<boost::json::object> timeout_accuracy(arguments const& args)
{
    auto const executor = co_await asio::this_coro::executor;
    auto const n = static_cast<std::size_t>(args.number(0));
    std::chrono::milliseconds const gap(args.number(1, 2));
    execasio::command cmd(helper("pb_stubborn"));
    cmd.output(execasio::stream::pipe);
    std::vector<execasio::process> all;
    for (std::size_t i = 0; i < n; ++i) {
        all.push_back(execasio::spawn(executor, cmd));
        std::array<char, 1> ready;
        std::size_t const size = co_await all.back().output().read_some(asio::buffer(ready));
        verify(size == 1, "a child is not ready");
    }
    lateness late;
    std::size_t running = n;
    asio::steady_timer all_done(executor, asio::steady_timer::time_point::max());

    section measured;
    auto const begin = clock::now();
    for (std::size_t i = 0; i < n; ++i)
        asio::co_spawn(executor, end_one(all[i], begin + gap * static_cast<int>(i), late),
                       [&](std::exception_ptr failure) {
                           if (failure)
                               std::rethrow_exception(failure);
                           if (--running == 0)
                               all_done.cancel();
                       });
    boost::system::error_code ignored;
    co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    measured.stop();

    boost::json::object report = measured.report("timeout_accuracy");
    report["n"] = n;
    report["min_ms"] = percentile(late.kills, 0);
    report["p50_ms"] = percentile(late.kills, 0.5);
    report["p99_ms"] = percentile(late.kills, 0.99);
    report["max_ms"] = percentile(late.kills, 1);
    report["exit_p50_ms"] = percentile(late.exits, 0.5);
    report["exit_p99_ms"] = percentile(late.exits, 0.99);
    report["exit_max_ms"] = percentile(late.exits, 1);
    co_return report;
}

namespace {

/// Expires every millisecond until it is told to stop; notes how late it was.
asio::awaitable<void> tick(bool const& stop, std::vector<double>& late_us)
{
    constexpr std::chrono::milliseconds period{1};
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (!stop) {
        auto const due = clock::now() + period;
        timer.expires_at(due);
        co_await timer.async_wait(asio::use_awaitable);
        late_us.push_back(seconds_since(due) * 1e6);
    }
}

/// Starts everything as fast as it can, with a turn of the event loop in between.
asio::awaitable<std::vector<execasio::process>> start_all(asio::any_io_executor owner,
                                                          std::size_t n)
{
    auto const executor = co_await asio::this_coro::executor;
    execasio::command const cmd(helper("pb_nop"));
    std::vector<execasio::process> all;
    all.reserve(n);
    while (all.size() < n) {
        all.push_back(execasio::spawn(owner, cmd));
        co_await asio::post(executor, asio::use_awaitable);
    }
    co_return all;
}

} // namespace

/// What starting N processes does to a timer of the same event loop: by itself, or by a thread that
/// does nothing else, whose processes the event loop then owns.
asio::awaitable<boost::json::object> loop_latency(arguments const& args)
{
    auto const executor = co_await asio::this_coro::executor;
    auto const n = static_cast<std::size_t>(args.number(0));
    bool const apart = args.number(1, 0) != 0;
    asio::thread_pool spawner(1);
    bool stop = false;
    std::vector<double> late_us;
    asio::steady_timer ticked(executor, asio::steady_timer::time_point::max());
    asio::co_spawn(executor, tick(stop, late_us), [&](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
        ticked.cancel();
    });

    section measured;
    asio::any_io_executor const starts =
        apart ? asio::any_io_executor(spawner.get_executor()) : executor;
    std::vector<execasio::process> all =
        co_await asio::co_spawn(starts, start_all(executor, n), asio::use_awaitable);
    stop = true;
    measured.stop();
    boost::system::error_code cancelled;
    co_await ticked.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    for (execasio::process& p : all)
        verify((co_await p.wait()).success(), "not every child exited with 0");

    boost::json::object report = measured.report("loop_latency");
    report["n"] = n;
    report["ticks"] = late_us.size();
    report["late_p50_us"] = percentile(late_us, 0.5);
    report["late_p99_us"] = percentile(late_us, 0.99);
    report["late_max_us"] = percentile(late_us, 1);
    co_return report;
}

} // namespace benchmark
