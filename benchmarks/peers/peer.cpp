#include "peers/peer.hpp"

#include <boost/json/serialize.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <thread>

namespace benchmark {

int peer_main(int argc, char** argv, std::initializer_list<peer_scenario> scenarios)
{
    constexpr int unsupported = 3;
    std::string_view const wanted = argc > 1 ? argv[1] : "";
    for (peer_scenario const& scenario : scenarios) {
        if (scenario.name != wanted)
            continue;
        try {
            arguments const args(std::vector<std::string>(argv + 2, argv + argc));
            std::cout << scenario.run(args) << std::endl;
            return 0;
        } catch (std::exception const& e) {
            fail(e.what());
        }
    }
    return unsupported;
}

touched_heap::touched_heap(long long mebibytes)
    : memory_(std::make_unique_for_overwrite<char volatile[]>(static_cast<std::size_t>(mebibytes)
                                                              << 20))
{
    std::size_t const size = static_cast<std::size_t>(mebibytes) << 20;
    for (std::size_t i = 0; i < size; i += 4096)
        memory_[i] = 1;
    if (size > 0) // the kernel works on after a large allocation
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

namespace {

boost::json::object measured_spawns(std::string const& scenario, spawn_and_wait all,
                                    std::string const& program, long long n, long long concurrent)
{
    section measured;
    all(program, n, concurrent);
    measured.stop();
    boost::json::object report = measured.report(scenario);
    report["n"] = n;
    report["conc"] = concurrent;
    report["per_spawn_us"] = measured.elapsed() / static_cast<double>(n) * 1e6;
    return report;
}

} // namespace

boost::json::object spawn_wait(arguments const& args, spawn_and_wait all)
{
    return measured_spawns("spawn_wait", all, args.text(2, "/bin/true"), args.number(0),
                           args.number(1));
}

boost::json::object spawn_rss(arguments const& args, spawn_and_wait all)
{
    touched_heap const heap(args.number(0));
    auto report = measured_spawns("spawn_rss", all, args.text(3, "/bin/true"), args.number(1),
                                  args.number(2, 1));
    report["heap_mb"] = args.number(0);
    return report;
}

boost::json::object latency_report(section const& measured, std::string const& scenario,
                                   std::vector<double> const& microseconds)
{
    boost::json::object report = measured.report(scenario);
    report["n"] = microseconds.size();
    report["p50_us"] = percentile(microseconds, 0.5);
    report["p99_us"] = percentile(microseconds, 0.99);
    report["max_us"] = percentile(microseconds, 1);
    return report;
}

boost::json::object capture_report(section const& measured, long long bytes)
{
    boost::json::object report = measured.report("capture");
    report["bytes"] = bytes;
    report["gb_per_s"] = static_cast<double>(bytes) / measured.elapsed() / 1e9;
    return report;
}

} // namespace benchmark
