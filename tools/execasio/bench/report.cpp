#include "bench/report.hpp"

#include "bench/statistics.hpp"

#include <algorithm>
#include <numeric>

namespace execasio_tool::bench {
namespace {

double median_wall(measurement const& m)
{
    return median_of(walls_of(m));
}

bool has_times(measurement const& m)
{
    return m.runs.size() > stopped_of(m);
}

} // namespace

std::vector<std::size_t> summary_order(report const& r)
{
    std::vector<std::size_t> order(r.measurements.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    // A scan is read along its parameter.
    bool const by_time =
        r.settings.sort == sort_order::mean || (r.settings.sort == sort_order::automatic &&
                                                r.settings.scans.empty() && !r.settings.reference);
    if (!by_time)
        return order;
    std::vector<double> means;
    for (measurement const& m : r.measurements)
        means.push_back(summarize(walls_of(m)).mean);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return means[a] < means[b]; });
    return order;
}

std::optional<relative> relative_speed(report const& r, std::size_t index)
{
    measurement const& m = r.measurements[index];
    if (r.measurements.size() < 2 || !has_times(m))
        return std::nullopt;
    for (comparison const& c : r.comparisons)
        if (c.measurement == index)
            return relative{c.reference, c.wall};
    std::optional<relative> best;
    double best_median = 0;
    for (std::size_t i = 0; i < r.measurements.size(); ++i) {
        measurement const& other = r.measurements[i];
        if (!has_times(other))
            continue;
        double const median = median_wall(other);
        bool const fits = r.settings.reference ? other.what.is_reference &&
                                                     other.what.parameters == m.what.parameters
                                               : !best || median < best_median;
        if (fits && median > 0) {
            best = relative{i, median_wall(m) / median};
            best_median = median;
        }
    }
    return best;
}

} // namespace execasio_tool::bench
