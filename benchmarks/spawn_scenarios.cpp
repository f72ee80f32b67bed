#include "scenarios.hpp"
#include "section.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <thread>

#include <signal.h>

namespace benchmark {
namespace {

/// Runs a command again and again until enough runs were begun.
asio::awaitable<void> run_again(execasio::command const& cmd, long long& to_begin, long long& good)
{
    auto const executor = co_await asio::this_coro::executor;
    while (to_begin > 0) {
        --to_begin;
        execasio::process p = execasio::spawn(executor, cmd);
        execasio::exit_record const how = co_await p.wait();
        good += how.success();
    }
}

asio::awaitable<boost::json::object> spawn_and_wait(std::string scenario, long long n,
                                                    long long concurrent, std::string program)
{
    auto const executor = co_await asio::this_coro::executor;
    execasio::command const cmd(program);
    long long to_begin = n;
    long long good = 0;
    long long running = std::min(n, concurrent);
    long long const lanes = running;
    asio::steady_timer all_done(executor, asio::steady_timer::time_point::max());

    section measured;
    for (long long i = 0; i < lanes; ++i)
        asio::co_spawn(executor, run_again(cmd, to_begin, good), [&](std::exception_ptr failure) {
            if (failure)
                std::rethrow_exception(failure);
            if (--running == 0)
                all_done.cancel();
        });
    boost::system::error_code ignored;
    co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    measured.stop();
    verify(good == n, "not every child exited with 0");

    boost::json::object report = measured.report(scenario);
    report["n"] = n;
    report["conc"] = concurrent;
    report["per_spawn_us"] = measured.elapsed() / static_cast<double>(n) * 1e6;
    co_return report;
}

std::vector<execasio::process> spawn_many(asio::any_io_executor const& executor, long long n)
{
    execasio::command const cmd(helper("pb_pause"));
    std::vector<execasio::process> all;
    all.reserve(static_cast<std::size_t>(n));
    for (long long i = 0; i < n; ++i)
        all.push_back(execasio::spawn(executor, cmd));
    return all;
}

/// Waits for all of them in the background; counts those that ended.
void await_all(std::vector<execasio::process>& all, int expected_signal, std::size_t& ended)
{
    for (execasio::process& p : all)
        p.async_wait(
            [&ended, expected_signal](execasio::error_code ec, execasio::exit_record const& how) {
                verify(!ec && how.signal() == expected_signal, "a child ended in another way");
                ++ended;
            });
}

asio::awaitable<void> until_ended(std::vector<execasio::process>& all)
{
    for (execasio::process& p : all)
        co_await p.wait();
}

} // namespace

asio::awaitable<boost::json::object> spawn_wait(arguments const& args)
{
    return spawn_and_wait("spawn_wait", args.number(0), args.number(1), args.text(2, "/bin/true"));
}

asio::awaitable<boost::json::object> spawn_rss(arguments const& args)
{
    auto const mebibytes = static_cast<std::size_t>(args.number(0));
    std::size_t const size = mebibytes << 20;
    auto const heap = std::make_unique_for_overwrite<char volatile[]>(size);
    for (std::size_t i = 0; i < size; i += 4096)
        heap[i] = 1;
    if (mebibytes > 0) // the kernel works on after a large allocation
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    boost::json::object report = co_await spawn_and_wait(
        "spawn_rss", args.number(1), args.number(2, 1), args.text(3, "/bin/true"));
    report["heap_mb"] = mebibytes;
    co_return report;
}

asio::awaitable<boost::json::object> idle_load(arguments const& args)
{
    auto const executor = co_await asio::this_coro::executor;
    long long const idle = args.number(0);
    long long const n = args.number(1);
    execasio::command const cmd(args.text(2, helper("pb_nop")));
    std::vector<execasio::process> held = spawn_many(executor, idle);
    std::size_t ended = 0;
    await_all(held, SIGKILL, ended);
    std::vector<double> times;
    times.reserve(static_cast<std::size_t>(n));

    section measured;
    for (long long i = 0; i < n; ++i) {
        auto const begin = clock::now();
        execasio::process p = execasio::spawn(executor, cmd);
        execasio::exit_record const how = co_await p.wait();
        verify(how.success(), "a child did not exit with 0");
        times.push_back(seconds_since(begin) * 1e6);
    }
    measured.stop();

    verify(ended == 0, "a held child has ended");
    for (execasio::process& p : held)
        p.signal(SIGKILL);
    co_await until_ended(held);
    boost::json::object report = measured.report("idle_load");
    report["k"] = idle;
    report["n"] = n;
    report["p50_us"] = percentile(times, 0.5);
    report["p99_us"] = percentile(times, 0.99);
    co_return report;
}

asio::awaitable<boost::json::object> many_idle(arguments const& args)
{
    auto const executor = co_await asio::this_coro::executor;
    long long const n = args.number(0);
    long const before = status_kib("VmRSS");
    std::size_t ended = 0;

    section measured;
    auto const begin = clock::now();
    std::vector<execasio::process> all = spawn_many(executor, n);
    double const start = seconds_since(begin);
    await_all(all, SIGTERM, ended);
    long const after = status_kib("VmRSS");
    double const cpu_before = cpu_seconds();
    asio::steady_timer hold(executor, std::chrono::milliseconds(200));
    co_await hold.async_wait(asio::use_awaitable);
    double const hold_cpu = cpu_seconds() - cpu_before;
    verify(ended == 0, "a child ended while it was held");
    auto const stop_begin = clock::now();
    for (execasio::process& p : all)
        p.signal(SIGTERM);
    co_await until_ended(all);
    double const stop = seconds_since(stop_begin);
    measured.stop();

    boost::json::object report = measured.report("many_idle");
    report["n"] = n;
    report["start_s"] = start;
    report["stop_s"] = stop;
    report["rss_per_child_kb"] = static_cast<double>(after - before) / static_cast<double>(n);
    report["rss_before_kb"] = before;
    report["rss_after_kb"] = after;
    report["hold_cpu_s"] = hold_cpu;
    co_return report;
}

} // namespace benchmark
