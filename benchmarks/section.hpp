#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace benchmark {

using clock = std::chrono::steady_clock;

/// A measured part of a run: from its construction to `stop`.
class section {
public:
    section();
    void stop();

    [[nodiscard]] double elapsed() const noexcept { return elapsed_; } ///< seconds

    /// What every scenario reports, to which it adds its own figures.
    [[nodiscard]] boost::json::object report(std::string const& scenario) const;

private:
    struct cpu {
        double user = 0;
        double system = 0;
        double children = 0;
    };
    static cpu cpu_now() noexcept;

    clock::time_point begin_;
    cpu cpu_begin_;
    double elapsed_ = 0;
    cpu used_;
};

[[nodiscard]] double seconds_since(clock::time_point begin) noexcept;

/// CPU time of this process, all threads, in seconds.
[[nodiscard]] double cpu_seconds() noexcept;

/// A value of /proc/self/status, such as VmRSS, in KiB.
[[nodiscard]] long status_kib(std::string const& key);

/// Nearest rank: the value below which a part `p` of all values lies.
[[nodiscard]] double percentile(std::vector<double> values, double p);

/// The path of one of the small programs that the scenarios run as children.
[[nodiscard]] std::string helper(std::string const& name);

/// A wrong result has no time: says so and ends the program.
[[noreturn]] void fail(std::string const& why);
inline void verify(bool holds, char const* what)
{
    if (!holds)
        fail(what);
}

} // namespace benchmark
