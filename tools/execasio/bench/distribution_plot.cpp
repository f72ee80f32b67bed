#include "bench/axis.hpp"
#include "bench/plots.hpp"
#include "bench/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace execasio_tool::bench {
namespace {

constexpr double row_height = 46;
constexpr frame margins{250, 14, full_width - 24, 0};

class distribution {
public:
    explicit distribution(report const& r) : report_(r)
    {
        for (std::size_t i = 0; i < r.measurements.size(); ++i)
            if (!walls_of(r.measurements[i]).empty())
                rows_.push_back(i);
    }

    std::string draw()
    {
        if (rows_.empty())
            return "";
        measure();
        frame f = margins;
        f.bottom = f.top + row_height * static_cast<double>(rows_.size());
        svg to(full_width, f.bottom + 48, "Distribution of the wall times");
        bool const wide = low_ > 0 && high_ / low_ > 20;
        double const room = wide ? 0 : (high_ - low_) * 0.03;
        axis const x((low_ - room) * format_.per_second, (high_ + room) * format_.per_second,
                     f.left, f.right, 80, wide ? axis::scale::logarithmic : axis::scale::linear);
        draw_x_axis(to, f, x,
                    std::string("wall time (") + format_.name + (wide ? ", logarithmic)" : ")"));
        for (std::size_t row = 0; row < rows_.size(); ++row)
            draw_row(to, f, x, row);
        return to.finish();
    }

private:
    void measure()
    {
        low_ = INFINITY;
        double smallest_spread = INFINITY;
        for (std::size_t const i : rows_) {
            auto const values = walls_of(report_.measurements[i]);
            visible_range const range = range_without_far_values(values);
            low_ = std::min(low_, range.low);
            high_ = std::max(high_, range.high);
            smallest_spread = std::min(smallest_spread, summarize(values).spread());
        }
        format_ = format_for(low_, smallest_spread, report_.settings.unit);
    }

    void draw_row(svg& to, frame const& f, axis const& x, std::size_t row)
    {
        measurement const& m = report_.measurements[rows_[row]];
        auto const runs = counted_runs(m);
        summary const s = summarize(walls_of(m));
        double const top = f.top + row_height * static_cast<double>(row);
        double const middle = top + row_height / 2;
        auto const pixel = [&](double seconds) { return x.at(seconds * format_.per_second); };
        to.begin_group(
            dots_style(report_.settings.scans.empty() ? rows_[row] : m.what.command, runs.size()));
        std::size_t beyond = 0;
        std::size_t const stride = stride_for(runs.size());
        for (std::size_t i = 0; i < runs.size(); ++i) {
            if (runs[i]->wall > high_) {
                ++beyond;
                continue;
            }
            if (i % stride != 0)
                continue;
            // Spread evenly over the height, whatever their number: multiples of the golden ratio.
            double const spread = std::fmod(static_cast<double>(i) * 0.6180339887, 1.0) - 0.5;
            to.circle(pixel(runs[i]->wall), middle + spread * (row_height - 16), 2.6, "dot",
                      "run " + std::to_string(i + 1) + ": " + format_.with_unit(runs[i]->wall));
        }
        double const box = pixel(s.lower_quartile);
        to.rectangle(box, middle - 11, std::max(1.0, pixel(s.upper_quartile) - box), 22, "box",
                     "middle half: " + format_(s.lower_quartile) + " to " +
                         format_.with_unit(s.upper_quartile));
        to.line(pixel(s.median), middle - 15, pixel(s.median), middle + 15, "median");
        to.end_group();
        to.text(f.left - 12, middle + (beyond != 0 ? 1 : 4), svg::anchor::end, "label",
                short_name(m.what.name, 34), m.what.name);
        if (beyond != 0)
            to.text(f.left - 12, middle + 19, svg::anchor::end, "tick",
                    std::to_string(beyond) + " beyond, up to " + format_.with_unit(s.maximum) +
                        " ▸");
    }

    report const& report_;
    std::vector<std::size_t> rows_;
    time_format format_;
    double low_ = 0;
    double high_ = 0;
};

} // namespace

std::string distribution_plot(report const& r)
{
    return distribution(r).draw();
}

} // namespace execasio_tool::bench
