// Compares any two port programs (exec-port, erlexec's own, others that speak the protocol) by
// their paths: each scenario in rounds, both by turns; medians, and the median of the ratios round
// by round.
//
//     execasio-port-compare [--rounds N] [--quick] [--json FILE] REFERENCE OTHER

#include "port_scenarios.hpp"
#include "section.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <stdexcept>

namespace benchmark {
namespace {

struct settings {
    std::vector<std::string> programs;
    int rounds = 5;
    bool quick = false;
    std::string json;
};

asio::awaitable<port_figures> run_once(std::string path, port_scenario const& s, long long size)
{
    auto const executor = co_await asio::this_coro::executor;
    port_session port(executor, path);
    port_figures const figures = co_await s.run(port, size);
    co_await port.shut_down();
    co_return figures;
}

port_figures run_scenario(std::string const& path, port_scenario const& s, bool quick)
{
    port_figures figures;
    std::exception_ptr failure;
    asio::io_context context(1);
    asio::co_spawn(context, run_once(path, s, quick ? s.quick_size : s.size),
                   [&](std::exception_ptr e, port_figures result) {
                       failure = e;
                       figures = std::move(result);
                   });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    return figures;
}

boost::json::object compare(port_scenario const& s, settings const& wanted)
{
    std::vector<std::string> names; // as the scenario has them
    std::array<std::map<std::string, std::vector<double>>, 2> values;
    for (int round = 0; round < wanted.rounds; ++round)
        for (std::size_t turn = 0; turn < 2; ++turn) {
            std::size_t const which = (turn + static_cast<std::size_t>(round)) % 2;
            auto const figures = run_scenario(wanted.programs[which], s, wanted.quick);
            names.clear();
            for (auto const& [name, value] : figures) {
                names.push_back(name);
                values[which][name].push_back(value);
            }
        }
    std::printf("\n%s\n", s.label.c_str());
    boost::json::object out;
    for (std::string const& name : names) {
        auto const& reference = values[0][name];
        auto const& other = values[1][name];
        std::vector<double> ratios;
        for (std::size_t i = 0; i < other.size(); ++i)
            ratios.push_back(reference[i] != 0 ? other[i] / reference[i] : 0);
        double const ratio = percentile(ratios, 0.5);
        std::printf("  %-16s %12.5g %12.5g   ratio %.3f\n", name.c_str(),
                    percentile(reference, 0.5), percentile(other, 0.5), ratio);
        out[name] = {{"reference", boost::json::array(reference.begin(), reference.end())},
                     {"other", boost::json::array(other.begin(), other.end())},
                     {"ratio", ratio}};
    }
    std::fflush(stdout);
    return out;
}

settings parse(std::vector<std::string> const& arguments)
{
    settings s;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        bool const has_next = i + 1 < arguments.size();
        if (arguments[i] == "--quick")
            s.quick = true;
        else if (arguments[i] == "--rounds" && has_next)
            s.rounds = std::stoi(arguments[++i]);
        else if (arguments[i] == "--json" && has_next)
            s.json = arguments[++i];
        else
            s.programs.push_back(arguments[i]);
    }
    if (s.programs.size() != 2 || s.rounds < 1)
        throw std::invalid_argument("usage: [--rounds N] [--quick] [--json FILE] REFERENCE OTHER");
    return s;
}

} // namespace
} // namespace benchmark

int main(int argc, char** argv)
{
    using namespace benchmark;
    try {
        settings const wanted = parse({argv + 1, argv + argc});
        std::printf("medians of %d rounds: %s, %s\n", wanted.rounds, wanted.programs[0].c_str(),
                    wanted.programs[1].c_str());
        boost::json::object all;
        for (port_scenario const& s : port_scenarios())
            all[s.label] = compare(s, wanted);
        if (!wanted.json.empty()) {
            std::ofstream out(wanted.json);
            out << all << '\n';
            out.close();
            if (!out)
                throw std::runtime_error("cannot write " + wanted.json);
        }
    } catch (std::exception const& e) {
        fail(e.what());
    }
}
