#include "bench/format.hpp"
#include "bench/report.hpp"
#include "bench/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace execasio_tool::bench {
namespace {

std::string time_text(double seconds, report const& r)
{
    return format_for(seconds, 0, r.settings.unit).with_unit(seconds);
}

std::vector<int> statuses_of_failures(measurement const& m)
{
    std::vector<int> statuses;
    for (sample const& s : m.runs)
        if (s.failed() && !s.stopped)
            statuses.push_back(s.status);
    return statuses;
}

void about_failures(measurement const& m, report const& r, std::vector<std::string>& out)
{
    std::string const of_all = " of " + count_of(m.runs.size(), "run", "runs");
    if (auto const statuses = statuses_of_failures(m); !statuses.empty())
        out.push_back(std::to_string(statuses.size()) + of_all +
                      " failed: " + describe_statuses(statuses) + "; they count in all figures.");
    if (auto const stopped = stopped_of(m); stopped != 0 && r.settings.time_limit)
        out.push_back(std::to_string(stopped) + of_all + " stopped by the time limit of " +
                      time_text(std::chrono::duration<double>(*r.settings.time_limit).count(), r) +
                      "; they are in no other figure.");
    if (m.warmup_failures != 0)
        out.push_back(count_of(m.warmup_failures, "warm-up run", "warm-up runs") + " failed.");
}

void about_outliers(std::vector<double> const& walls, double median, report const& r,
                    std::vector<std::string>& out)
{
    std::vector<double> const scores = modified_z_scores(walls);
    bool const first_is_slow =
        walls.size() > 2 && scores[0] > outlier_score && walls[0] > 1.1 * median;
    if (first_is_slow)
        out.push_back("The first run took " + time_text(walls[0], r) + ", the median is " +
                      time_text(median, r) +
                      ": cold caches? --warmup keeps them warm, --prepare can make all runs cold.");
    std::size_t count = 0;
    std::size_t farthest = 0;
    for (std::size_t i = first_is_slow ? 1 : 0; i < scores.size(); ++i) {
        count += std::fabs(scores[i]) > outlier_score ? 1U : 0U;
        farthest = std::fabs(scores[i]) > std::fabs(scores[farthest]) ? i : farthest;
    }
    // A few belong to every timing; many, or one far off, to other work on the machine.
    bool const many = static_cast<double>(count) > 0.05 * static_cast<double>(walls.size());
    bool const far = std::fabs(scores[farthest]) > 3 * outlier_score;
    if (count != 0 && (many || far))
        out.push_back(count_of(count, "run is an outlier", "runs are outliers") +
                      " (modified Z-score above 3.5), the farthest with " +
                      time_text(walls[farthest], r) +
                      ": trust the median more than the mean and the deviation.");
}

/// Whether the last third of the runs differs from the first by more than chance explains.
void about_drift(std::vector<double> const& walls, std::vector<std::string>& out)
{
    std::size_t const third = walls.size() / 3;
    if (third < 5)
        return;
    auto const size = static_cast<std::ptrdiff_t>(third);
    summary const first = summarize({walls.begin(), walls.begin() + size});
    summary const last = summarize({walls.end() - size, walls.end()});
    // The standard error of a median from the quartiles, for what is roughly normal in its middle.
    auto const error = [&](summary const& s) {
        double const deviation = (s.upper_quartile - s.lower_quartile) / 1.349;
        return 1.2533 * deviation / std::sqrt(static_cast<double>(third));
    };
    double const change = last.median / first.median - 1;
    double const chance = std::hypot(error(first), error(last)) / first.median;
    if (std::fabs(change) > 0.05 && std::fabs(change) > 4 * chance)
        out.push_back("The last third of the runs was " + in_percent(std::fabs(change)) +
                      (change > 0 ? " slower" : " faster") +
                      " than the first: something changed while it was measured.");
}

} // namespace

std::vector<std::string> warnings_about(measurement const& m, report const& r)
{
    std::vector<std::string> out;
    about_failures(m, r, out);
    auto const walls = walls_of(m);
    if (walls.empty())
        return out;
    double const median = median_of(walls);
    about_outliers(walls, median, r, out);
    about_drift(walls, out);
    // The least: what a busy machine adds to it has been added to the runs as well.
    if (r.cost && median < 5 * r.cost->wall_least)
        out.push_back("Of the median of " + time_text(median, r) + ", " +
                      time_text(r.cost->wall_least, r) +
                      " or more are the launch itself: so long takes a child that exits at once.");
    if (r.shell_start && median < 5 * *r.shell_start)
        out.push_back("The start of the shell is in it, about " + time_text(*r.shell_start, r) +
                      ": without --shell there is none.");
    if (!peak_memory_of(m))
        out.push_back("The peak memory is not known: what Linux tells is no more than this program "
                      "itself uses.");
    return out;
}

std::vector<std::string> warnings_about(report const& r)
{
    std::vector<std::string> out;
    if (r.noise.others > 0.1)
        out.push_back("Others used " + in_percent(r.noise.others) +
                      " of the machine's CPU time meanwhile.");
    if (r.noise.stolen > 0.02)
        out.push_back("The hypervisor took " + in_percent(r.noise.stolen) +
                      " of the machine's CPU time away.");
    if (r.noise.frequency_change > 0.1)
        out.push_back("The CPU frequency changed by " + in_percent(r.noise.frequency_change) +
                      " meanwhile.");
    if (!r.machine.governor.empty() && r.machine.governor != "performance")
        out.push_back("The CPU frequency follows the load (governor " + r.machine.governor + ").");
    for (comparison const& c : r.comparisons)
        if (!c.wall_interval)
            out.push_back("'" + r.measurements[c.measurement].what.name +
                          "': " + count_of(c.ratios.size(), "pair is", "pairs are") +
                          " too few for an interval of 95 %, which wants six.");
    return out;
}

} // namespace execasio_tool::bench
