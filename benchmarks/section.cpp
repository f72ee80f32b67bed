#include "section.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include <sys/resource.h>

namespace benchmark {
namespace {

double in_seconds(timeval t) noexcept
{
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

} // namespace

section::cpu section::cpu_now() noexcept
{
    rusage self{};
    rusage children{};
    ::getrusage(RUSAGE_SELF, &self);
    ::getrusage(RUSAGE_CHILDREN, &children);
    return {in_seconds(self.ru_utime), in_seconds(self.ru_stime),
            in_seconds(children.ru_utime) + in_seconds(children.ru_stime)};
}

section::section() : begin_(clock::now()), cpu_begin_(cpu_now()) {}

void section::stop()
{
    elapsed_ = seconds_since(begin_);
    cpu const end = cpu_now();
    used_ = {end.user - cpu_begin_.user, end.system - cpu_begin_.system,
             end.children - cpu_begin_.children};
}

boost::json::object section::report(std::string const& scenario) const
{
    return {{"impl", BENCHMARK_IMPL},
            {"scenario", scenario},
            {"elapsed_s", elapsed_},
            {"cpu_user_s", used_.user},
            {"cpu_sys_s", used_.system},
            {"cpu_children_s", used_.children},
            // Not ru_maxrss, into which Linux carries the peak of whoever spawned this program.
            {"maxrss_kb", status_kib("VmHWM")}};
}

double seconds_since(clock::time_point begin) noexcept
{
    return std::chrono::duration<double>(clock::now() - begin).count();
}

double cpu_seconds() noexcept
{
    rusage self{};
    ::getrusage(RUSAGE_SELF, &self);
    return in_seconds(self.ru_utime) + in_seconds(self.ru_stime);
}

long status_kib(std::string const& key)
{
    std::ifstream file("/proc/self/status");
    for (std::string word; file >> word;) {
        if (word != key + ":")
            continue;
        long value = -1;
        file >> value;
        return value;
    }
    return -1;
}

double percentile(std::vector<double> values, double p)
{
    if (values.empty())
        return std::nan("");
    std::sort(values.begin(), values.end());
    auto const rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
    return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

std::string helper(std::string const& name)
{
    char const* const folder = std::getenv("PEERBENCH_HELPERS");
    return std::string(folder ? folder : BENCHMARK_HELPERS) + "/" + name;
}

void fail(std::string const& why)
{
    std::cerr << "FAIL: " << why << std::endl;
    std::exit(1);
}

} // namespace benchmark
