#pragma once

#include "bench/format.hpp"
#include "bench/report.hpp"

#include <string>
#include <vector>

namespace execasio_tool::bench {

/// Of a drawing across the whole page.
constexpr double full_width = 1040;

/// Each is an SVG drawing for the page, empty when there is nothing to be seen.

/// All commands below each other on one scale: every run, the middle half as a box, the median.
std::string distribution_plot(report const& r);

/// How often which wall time came up.
std::string histogram_plot(measurement const& m, report const& r, std::size_t series);

/// The wall times in the order in which they were measured.
std::string sequence_plot(measurement const& m, report const& r, std::size_t series);

/// The ratio of each pair, their median and its bounds.
std::string ratio_plot(comparison const& c, report const& r);

/// Median wall time along the first parameter; a curve for each command and each combination of the
/// others.
std::string scan_plot(report const& r);

/// Values far off would leave no room for the rest: they are left out and told of.
struct visible_range {
    double low = 0;
    double high = 0;
    std::size_t beyond = 0; ///< how many values lie above `high`
};
visible_range range_without_far_values(std::vector<double> const& values);

/// Every how many-th run is drawn, so that no drawing has more than about 2,000 points.
std::size_t stride_for(std::size_t runs);

/// The command's name, cut to that many characters.
std::string short_name(std::string const& name, std::size_t most);

/// The format of a plot's axis: its unit goes to the axis, its numbers to the tooltips.
time_format plot_format(std::vector<double> const& values, report const& r);

} // namespace execasio_tool::bench
