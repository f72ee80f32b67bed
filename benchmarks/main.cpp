// Runs one scenario and prints one line of JSON: what the library costs, for comparison with
// others' programs that do the same.

#include "scenarios.hpp"
#include "section.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>
#include <string_view>

namespace {

constexpr struct {
    std::string_view name;
    boost::asio::awaitable<boost::json::object> (*run)(benchmark::arguments const&);
    std::string_view arguments;
} scenarios[] = {
    {"spawn_wait", benchmark::spawn_wait, "N CONCURRENT [PROGRAM]"},
    {"spawn_rss", benchmark::spawn_rss, "MEBIBYTES N [CONCURRENT] [PROGRAM]"},
    {"idle_load", benchmark::idle_load, "IDLE N [PROGRAM]"},
    {"many_idle", benchmark::many_idle, "N"},
    {"capture", benchmark::capture, "BYTES [SOCKETS]"},
    {"echo_latency", benchmark::echo_latency, "N"},
    {"timeout_accuracy", benchmark::timeout_accuracy, "N [GAP_MS]"},
    {"loop_latency", benchmark::loop_latency, "N [SPAWNER_THREAD]"},
};

constexpr int unsupported = 3;

} // namespace

int main(int argc, char** argv)
{
    std::string_view const wanted = argc > 1 ? argv[1] : "";
    for (auto const& scenario : scenarios) {
        if (scenario.name != wanted)
            continue;
        benchmark::arguments const args(std::vector<std::string>(argv + 2, argv + argc));
        boost::asio::io_context context(1);
        boost::asio::co_spawn(context, scenario.run(args),
                              [](std::exception_ptr failure, boost::json::object const& report) {
                                  try {
                                      if (failure)
                                          std::rethrow_exception(failure);
                                  } catch (std::exception const& e) {
                                      benchmark::fail(e.what());
                                  }
                                  std::cout << report << std::endl;
                              });
        context.run();
        return 0;
    }
    std::cerr << "usage: " << argv[0] << " SCENARIO ARGUMENTS\n";
    for (auto const& scenario : scenarios)
        std::cerr << "  " << scenario.name << ' ' << scenario.arguments << '\n';
    return wanted.empty() ? 2 : unsupported;
}
