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

// What all report of the same scenario.
boost::json::object spawn_report(section const& measured, std::string const& scenario, long long n,
                                 long long concurrent);
boost::json::object latency_report(section const& measured, std::string const& scenario,
                                   std::vector<double> const& microseconds);
boost::json::object capture_report(section const& measured, long long bytes);

} // namespace benchmark
