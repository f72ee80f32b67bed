#include "bench/axis.hpp"
#include "bench/plots.hpp"

#include <algorithm>

namespace execasio_tool::bench {

std::string ratio_plot(comparison const& c, report const& r)
{
    constexpr double height = 320;
    constexpr frame area{84, 16, full_width - 150, height - 50};
    if (c.ratios.size() < 2)
        return "";
    visible_range range = range_without_far_values(c.ratios);
    range.low = std::min(range.low, 1.0);
    range.high = std::max(range.high, 1.0);
    // Far off on the lower side is a pair in which the reference was held up.
    range.low = std::max(range.low, std::min(1.0, c.wall) / 2);
    if (c.wall_interval) {
        range.low = std::min(range.low, c.wall_interval->lower);
        range.high = std::max(range.high, c.wall_interval->upper);
    }

    svg to(full_width, height, "Ratio of each pair");
    axis const x(1, static_cast<double>(c.ratios.size()), area.left + 6, area.right - 6);
    axis const y(range.low * 0.98, range.high * 1.02, area.bottom, area.top, 38,
                 axis::scale::logarithmic);
    std::size_t const stride = stride_for(c.ratios.size());
    draw_x_axis(to, area, x,
                stride > 1 ? "pair (each " + std::to_string(stride) + "th is drawn)" : "pair");
    draw_y_axis(to, area, y, "wall time, ratio");
    to.begin_group(dots_style(r.measurements[c.measurement].what.command, c.ratios.size()));
    if (c.wall_interval)
        to.rectangle(area.left, y.at(c.wall_interval->upper), area.right - area.left,
                     std::max(1.0, y.at(c.wall_interval->lower) - y.at(c.wall_interval->upper)),
                     "band",
                     "95 %: " + in_ratio(c.wall_interval->lower) + " to " +
                         in_ratio(c.wall_interval->upper));
    for (std::size_t i = 0; i < c.ratios.size(); i += stride) {
        double const ratio = c.ratios[i];
        bool const inside = ratio >= y.low() && ratio <= y.high();
        double const height_of = y.at(std::clamp(ratio, y.low(), y.high()));
        to.circle(x.at(static_cast<double>(i + 1)), height_of, 2.6, inside ? "dot" : "dot far",
                  "pair " + std::to_string(i + 1) + ": " + in_ratio(ratio));
    }
    to.line(area.left, y.at(c.wall), area.right, y.at(c.wall), "median");
    to.end_group();
    to.line(area.left, y.at(1), area.right, y.at(1), "one");
    // The two labels must not lie upon each other.
    double const median_y = y.at(c.wall);
    double const one_y = y.at(1);
    double const apart = median_y <= one_y ? std::max(0.0, 15 - (one_y - median_y))
                                           : -std::max(0.0, 15 - (median_y - one_y));
    to.text(area.right + 8, median_y + 4 - apart / 2, svg::anchor::start, "label strong",
            "median " + in_ratio(c.wall));
    to.text(area.right + 8, one_y + 4 + apart / 2, svg::anchor::start, "label", "1: no difference");
    return to.finish();
}

} // namespace execasio_tool::bench
