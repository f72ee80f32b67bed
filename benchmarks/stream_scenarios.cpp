#include "scenarios.hpp"
#include "section.hpp"

#include <execasio/spawn.hpp>

#include <array>
#include <vector>

namespace benchmark {

using execasio::stream;

asio::awaitable<boost::json::object> capture(arguments const& args)
{
    auto const executor = co_await asio::this_coro::executor;
    long long const bytes = args.number(0);
    execasio::command cmd(helper("pb_write"), std::to_string(bytes));
    cmd.output(args.number(1, 0) == 0 ? stream::pipe : stream::socket);
    std::vector<char> buffer(256 * 1024);
    long long got = 0;

    section measured;
    execasio::process p = execasio::spawn(executor, cmd);
    while (auto const size = co_await p.output().read_some(asio::buffer(buffer)))
        got += static_cast<long long>(size);
    execasio::exit_record const how = co_await p.wait();
    measured.stop();

    verify(how.success(), "the writer did not exit with 0");
    verify(got == bytes, "a wrong number of bytes was captured");
    boost::json::object report = measured.report("capture");
    report["bytes"] = got;
    report["gb_per_s"] = static_cast<double>(got) / measured.elapsed() / 1e9;
    co_return report;
}

namespace {

asio::awaitable<void> round_trip(execasio::process& p)
{
    std::array<char, 64> message;
    message.fill('x');
    co_await p.input().write(asio::buffer(message));
    for (std::size_t got = 0; got < message.size();) {
        std::size_t const size = co_await p.output().read_some(asio::buffer(message) + got);
        verify(size != 0, "the echo has ended");
        got += size;
    }
}

} // namespace

asio::awaitable<boost::json::object> echo_latency(arguments const& args)
{
    auto const executor = co_await asio::this_coro::executor;
    long long const n = args.number(0);
    execasio::command cmd(helper("pb_echo"));
    cmd.input(stream::pipe).output(stream::pipe);
    execasio::process p = execasio::spawn(executor, cmd);
    std::vector<double> times;
    times.reserve(static_cast<std::size_t>(n));
    constexpr int unmeasured = 50;
    for (int i = 0; i < unmeasured; ++i)
        co_await round_trip(p);

    section measured;
    for (long long i = 0; i < n; ++i) {
        auto const begin = clock::now();
        co_await round_trip(p);
        times.push_back(seconds_since(begin) * 1e6);
    }
    measured.stop();

    co_await p.input().finish();
    execasio::exit_record const how = co_await p.wait();
    verify(how.success(), "the echo did not exit with 0");
    boost::json::object report = measured.report("echo_latency");
    report["n"] = n;
    report["p50_us"] = percentile(times, 0.5);
    report["p99_us"] = percentile(times, 0.99);
    report["max_us"] = percentile(times, 1);
    co_return report;
}

} // namespace benchmark
