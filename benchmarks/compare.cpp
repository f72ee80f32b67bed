// Runs the scenarios with several programs that fulfil the same contract, one after the other
// within each round and in turned order in every other round, and shows each metric as a ratio to
// that of the first program: the median of the ratios round by round.
//
//     execasio-compare [--rounds N] [--quick] [--json FILE] NAME=PROGRAM...

#include "section.hpp"

#include <execasio/run.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>

namespace benchmark {
namespace {

namespace asio = boost::asio;

struct program {
    std::string name;
    std::string path;
};

struct scenario {
    std::string label;
    std::vector<std::string> words;
    std::vector<std::string> quick_words;
    std::vector<std::string> metrics; ///< "cpu_s" is user plus system time of the program itself
};

std::vector<scenario> const& scenarios()
{
    static std::vector<scenario> const all{
        {"spawn and wait, one at a time",
         {"spawn_wait", "3000", "1", "nop"},
         {"spawn_wait", "50", "1", "nop"},
         {"elapsed_s", "cpu_s"}},
        {"spawn and wait, 16 at a time",
         {"spawn_wait", "3000", "16", "nop"},
         {"spawn_wait", "50", "16", "nop"},
         {"elapsed_s", "cpu_s"}},
        {"the same with 1 GiB of heap",
         {"spawn_rss", "1024", "300", "1", "nop"},
         {"spawn_rss", "16", "20", "1", "nop"},
         {"elapsed_s", "cpu_s"}},
        {"one run beside 1,000 idle children",
         {"idle_load", "1000", "300"},
         {"idle_load", "20", "10"},
         {"p50_us", "cpu_s"}},
        {"1,000 idle children",
         {"many_idle", "1000"},
         {"many_idle", "20"},
         {"start_s", "stop_s", "rss_per_child_kb"}},
        {"capture of 2 GB",
         {"capture", "2000000000"},
         {"capture", "10000000"},
         {"gb_per_s", "cpu_s"}},
        {"the same over sockets, if the program can",
         {"capture", "2000000000", "1"},
         {"capture", "10000000", "1"},
         {"gb_per_s", "cpu_s"}},
        {"echo of 64 bytes",
         {"echo_latency", "20000"},
         {"echo_latency", "50"},
         {"p50_us", "cpu_s"}},
        {"kill after a time-out",
         {"timeout_accuracy", "100"},
         {"timeout_accuracy", "5"},
         {"p50_ms", "p99_ms", "min_ms"}},
    };
    return all;
}

/// One run; nullopt when the program does not support the scenario.
std::optional<boost::json::object> run_once(program const& p, std::vector<std::string> words)
{
    for (std::string& word : words)
        if (word == "nop")
            word = helper("pb_nop");
    execasio::command cmd(p.path);
    for (std::string const& word : words)
        cmd.argument(word);
    cmd.environment("PEERBENCH_HELPERS", BENCHMARK_HELPERS);
    execasio::run_result result;
    std::exception_ptr failure;
    asio::io_context context(1);
    execasio::run_options options;
    options.time_limit(std::chrono::minutes(2));
    asio::co_spawn(context, execasio::run(cmd, options),
                   [&](std::exception_ptr e, execasio::run_result r) {
                       failure = e;
                       result = std::move(r);
                   });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    constexpr int unsupported = 3;
    if (result.how.code() == unsupported)
        return std::nullopt;
    if (!result.how.success())
        throw std::runtime_error(p.name + " " + words[0] + ": " + describe(result.how) + "\n" +
                                 result.error.text);
    return boost::json::parse(result.output.text).as_object();
}

double metric(boost::json::object const& report, std::string const& name)
{
    if (name == "cpu_s")
        return metric(report, "cpu_user_s") + metric(report, "cpu_sys_s");
    auto const* const value = report.if_contains(name);
    return value ? value->to_number<double>() : 0;
}

/// The figures of a scenario: program, metric, one value a round.
using figures = std::map<std::string, std::map<std::string, std::vector<double>>>;

figures measure(scenario const& s, std::vector<program> const& programs, int rounds, bool quick)
{
    figures all;
    for (int round = 0; round < rounds; ++round) {
        auto order = programs;
        if (round % 2 == 1)
            std::reverse(order.begin(), order.end());
        for (program const& p : order)
            if (auto const report = run_once(p, quick ? s.quick_words : s.words))
                for (std::string const& name : s.metrics)
                    all[p.name][name].push_back(metric(*report, name));
    }
    return all;
}

std::optional<double> ratio(std::vector<double> const& values, std::vector<double> const& to)
{
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(values.size(), to.size()); ++i)
        if (to[i] != 0)
            ratios.push_back(values[i] / to[i]);
    if (ratios.empty())
        return std::nullopt;
    return percentile(ratios, 0.5);
}

boost::json::object show(scenario const& s, figures const& all,
                         std::vector<program> const& programs)
{
    boost::json::object out;
    std::printf("\n%s\n", s.label.c_str());
    for (program const& p : programs) {
        auto const found = all.find(p.name);
        std::printf("  %-14s", p.name.c_str());
        if (found == all.end())
            std::printf(" -");
        boost::json::object row;
        for (std::string const& name : s.metrics) {
            if (found == all.end())
                continue;
            auto const& values = found->second.at(name);
            double const median = percentile(values, 0.5);
            boost::json::object cell{{"median", median},
                                     {"values", boost::json::array(values.begin(), values.end())}};
            std::printf("  %s %.4g", name.c_str(), median);
            auto const first = all.find(programs.front().name);
            if (first != all.end() && &p != &programs.front())
                if (auto const r = ratio(values, first->second.at(name))) {
                    std::printf(" (%.3f)", *r);
                    cell["ratio"] = *r;
                }
            row[name] = std::move(cell);
        }
        out[p.name] = std::move(row);
        std::printf("\n");
    }
    std::fflush(stdout);
    return out;
}

int compare(std::vector<std::string> const& arguments)
{
    std::vector<program> programs;
    int rounds = 5;
    bool quick = false;
    std::string file;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string const& word = arguments[i];
        bool const has_next = i + 1 < arguments.size();
        if (word == "--quick")
            quick = true;
        else if (word == "--rounds" && has_next)
            rounds = std::stoi(arguments[++i]);
        else if (word == "--json" && has_next)
            file = arguments[++i];
        else if (auto const equals = word.find('='); equals != std::string::npos)
            programs.push_back({word.substr(0, equals), word.substr(equals + 1)});
        else
            throw std::invalid_argument("what is '" + word + "'?");
    }
    if (programs.empty() || rounds < 1)
        throw std::invalid_argument("usage: [--rounds N] [--quick] [--json FILE] NAME=PROGRAM...");
    std::printf("medians of %d rounds; in brackets the ratio to %s\n", rounds,
                programs.front().name.c_str());
    boost::json::object all;
    for (scenario const& s : scenarios())
        all[s.label] = show(s, measure(s, programs, rounds, quick), programs);
    if (!file.empty()) {
        std::ofstream out(file);
        out << all << '\n';
        out.close();
        if (!out)
            throw std::runtime_error("cannot write " + file);
    }
    return 0;
}

} // namespace
} // namespace benchmark

int main(int argc, char** argv)
{
    try {
        return benchmark::compare({argv + 1, argv + argc});
    } catch (std::exception const& e) {
        benchmark::fail(e.what());
    }
}
