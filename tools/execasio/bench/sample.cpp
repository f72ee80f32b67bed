#include "bench/sample.hpp"

#include "bench/statistics.hpp"

#include <algorithm>

namespace execasio_tool::bench {

std::vector<sample const*> counted_runs(measurement const& m)
{
    std::vector<sample const*> counted;
    counted.reserve(m.runs.size());
    for (sample const& s : m.runs)
        if (!s.stopped)
            counted.push_back(&s);
    return counted;
}

std::vector<double> values_of(measurement const& m, double (*value)(sample const&))
{
    std::vector<double> values;
    values.reserve(m.runs.size());
    for (sample const* s : counted_runs(m))
        values.push_back(value(*s));
    return values;
}

std::vector<double> walls_of(measurement const& m)
{
    return values_of(m, [](sample const& s) { return s.wall; });
}

std::size_t failures_of(measurement const& m)
{
    return static_cast<std::size_t>(
        std::count_if(m.runs.begin(), m.runs.end(), [](sample const& s) { return s.failed(); }));
}

std::size_t stopped_of(measurement const& m)
{
    return m.runs.size() - counted_runs(m).size();
}

std::optional<double> peak_memory_of(measurement const& m)
{
    if (m.memory_run)
        return static_cast<double>(*m.memory_run);
    auto const runs = counted_runs(m);
    bool const all_exact =
        std::all_of(runs.begin(), runs.end(), [](sample const* s) { return s->memory_exact; });
    if (runs.empty() || !all_exact)
        return std::nullopt;
    return median_of(
        values_of(m, [](sample const& s) { return static_cast<double>(s.peak_memory); }));
}

} // namespace execasio_tool::bench
