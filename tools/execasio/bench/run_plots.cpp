#include "bench/axis.hpp"
#include "bench/plots.hpp"
#include "bench/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace execasio_tool::bench {
namespace {

constexpr double half_width = 510;
constexpr double half_height = 270;
constexpr frame half_area{74, 16, half_width - 16, half_height - 50};

/// Freedman and Diaconis: twice the distance of the quartiles over the cube root of the number.
std::size_t bins_for(std::vector<double> const& values, visible_range const& range)
{
    summary const s = summarize(values);
    double const spread = s.upper_quartile - s.lower_quartile;
    double const wanted = 2 * spread / std::cbrt(static_cast<double>(values.size()));
    if (wanted <= 0 || range.high <= range.low)
        return 10;
    double const bins = std::ceil((range.high - range.low) / wanted);
    return static_cast<std::size_t>(std::clamp(bins, 8.0, 60.0));
}

std::string beyond_text(visible_range const& range, double maximum, time_format const& f)
{
    return std::to_string(range.beyond) + " beyond, up to " + f.with_unit(maximum) + " ▸";
}

} // namespace

std::string histogram_plot(measurement const& m, report const& r, std::size_t series)
{
    auto const values = walls_of(m);
    if (values.size() < 2)
        return "";
    visible_range const range = range_without_far_values(values);
    time_format const f = plot_format(values, r);
    std::size_t const bins = bins_for(values, range);
    double const all = range.high > range.low ? range.high - range.low : range.low * 0.1;
    double const start = range.high > range.low ? range.low : range.low * 0.95;
    double const step = all / static_cast<double>(bins);
    std::vector<std::size_t> counts(bins);
    for (double const v : values)
        if (v <= range.high)
            ++counts[std::min(bins - 1, static_cast<std::size_t>((v - start) / step))];

    svg to(half_width, half_height, "Histogram of the wall times of " + m.what.name);
    axis const x(start * f.per_second, (start + all) * f.per_second, half_area.left,
                 half_area.right);
    double const highest = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
    axis const y(0, highest * 1.06, half_area.bottom, half_area.top, 38);
    draw_x_axis(to, half_area, x, std::string("wall time (") + f.name + ")");
    draw_y_axis(to, half_area, y, "runs");
    to.begin_group(series_style(series));
    for (std::size_t i = 0; i < bins; ++i) {
        if (counts[i] == 0)
            continue;
        double const from = start + step * static_cast<double>(i);
        double const left = x.at(from * f.per_second);
        double const right = x.at((from + step) * f.per_second);
        double const top = y.at(static_cast<double>(counts[i]));
        to.rectangle(left + 0.5, top, std::max(0.5, right - left - 1), half_area.bottom - top,
                     "bar",
                     f(from) + " to " + f.with_unit(from + step) + ": " +
                         count_of(counts[i], "run", "runs"));
    }
    double const median = x.at(median_of(values) * f.per_second);
    to.line(median, half_area.top, median, half_area.bottom, "median");
    to.end_group();
    if (range.beyond != 0)
        to.text(half_area.right, half_area.top + 10, svg::anchor::end, "tick",
                beyond_text(range, *std::max_element(values.begin(), values.end()), f));
    return to.finish();
}

std::string sequence_plot(measurement const& m, report const& r, std::size_t series)
{
    auto const values = walls_of(m);
    if (values.size() < 2)
        return "";
    visible_range const range = range_without_far_values(values);
    time_format const f = plot_format(values, r);
    svg to(half_width, half_height, "Wall time of each run of " + m.what.name);
    double const room = (range.high - range.low) * 0.05;
    auto const runs = static_cast<double>(m.runs.size());
    axis const x(1, runs, half_area.left + 6, half_area.right - 6);
    axis const y((range.low - room) * f.per_second, (range.high + room) * f.per_second,
                 half_area.bottom, half_area.top, 38);
    std::size_t const stride = stride_for(m.runs.size());
    std::string name = "run";
    if (stride > 1)
        name += " (each " + std::to_string(stride) + "th is drawn, and each that failed)";
    draw_x_axis(to, half_area, x, name);
    draw_y_axis(to, half_area, y, std::string("wall time (") + f.name + ")");
    to.begin_group(dots_style(series, m.runs.size()));
    double const median = y.at(median_of(values) * f.per_second);
    to.line(half_area.left, median, half_area.right, median, "median");
    for (std::size_t i = 0; i < m.runs.size(); ++i) {
        sample const& s = m.runs[i];
        if (s.stopped || (i % stride != 0 && !s.failed()))
            continue;
        std::string const title = "run " + std::to_string(i + 1) + ": " + f.with_unit(s.wall) +
                                  (s.failed() ? ", failed" : "");
        bool const beyond = s.wall > range.high;
        double const height_of = beyond ? half_area.top + 3 : y.at(s.wall * f.per_second);
        to.circle(x.at(static_cast<double>(i + 1)), height_of, 2.6,
                  s.failed() ? "dot failed"
                  : beyond   ? "dot far"
                             : "dot",
                  title);
    }
    to.end_group();
    return to.finish();
}

} // namespace execasio_tool::bench
