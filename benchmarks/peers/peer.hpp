#pragma once

#include "arguments.hpp"
#include "section.hpp"

#include <boost/json/object.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace benchmark {

/// A scenario of the library's own benchmark, as another library does it.
struct peer_scenario {
    std::string_view name;
    boost::json::object (*run)(arguments const&);
};

/// Runs the one that the command line names and prints its report; 3 when there is none.
int peer_main(int argc, char** argv, std::initializer_list<peer_scenario> scenarios);

/// Memory that is in use: every page of it written.
class touched_heap {
public:
    explicit touched_heap(long long mebibytes);

private:
    std::unique_ptr<char volatile[]> memory_;
};

/// Runs a program `n` times, `concurrent` at a time; fails when one does not exit with 0.
using spawn_and_wait = void (*)(std::string const& program, long long n, long long concurrent);

boost::json::object spawn_wait(arguments const& args, spawn_and_wait all);
boost::json::object spawn_rss(arguments const& args, spawn_and_wait all);

template <spawn_and_wait All>
boost::json::object spawn_wait(arguments const& args)
{
    return spawn_wait(args, All);
}

template <spawn_and_wait All>
boost::json::object spawn_rss(arguments const& args)
{
    return spawn_rss(args, All);
}

// What all report of the same scenario.
boost::json::object latency_report(section const& measured, std::string const& scenario,
                                   std::vector<double> const& microseconds);
boost::json::object capture_report(section const& measured, long long bytes);

/// @tparam Holder Made with a number of idle children, which it holds until `end`. Its `run` starts
///     a program and waits for its end; fails when that is not an exit with 0.
template <class Holder>
boost::json::object idle_load(arguments const& args)
{
    Holder holder(args.number(0));
    std::string const program = args.text(2, helper("pb_nop"));
    std::vector<double> times;
    section measured;
    for (long long i = 0; i < args.number(1); ++i) {
        auto const begin = clock::now();
        holder.run(program);
        times.push_back(seconds_since(begin) * 1e6);
    }
    measured.stop();
    holder.end();
    auto report = latency_report(measured, "idle_load", times);
    report["k"] = args.number(0);
    return report;
}

} // namespace benchmark
