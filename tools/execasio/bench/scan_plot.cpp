#include "bench/axis.hpp"
#include "bench/plots.hpp"
#include "bench/statistics.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace execasio_tool::bench {
namespace {

struct point {
    std::size_t index; ///< of the parameter's value
    summary wall;
};

struct curve {
    std::string name;
    std::vector<point> points;
};

/// A curve for each command and each combination of all parameters but the first.
std::vector<curve> curves_of(report const& r)
{
    std::map<std::pair<std::size_t, std::string>, curve> curves;
    auto const& values = r.settings.scans.front().values;
    for (measurement const& m : r.measurements) {
        summary const wall = summarize(walls_of(m));
        if (wall.count == 0)
            continue;
        assignment const others(m.what.parameters.begin() + 1, m.what.parameters.end());
        curve& c = curves[{m.what.command, to_text(others)}];
        std::string const& line =
            m.what.is_reference ? *r.settings.reference : r.settings.commands[m.what.command];
        c.name = m.what.command < r.settings.names.size() ? r.settings.names[m.what.command] : line;
        if (!others.empty())
            c.name += " [" + to_text(others) + "]";
        auto const place =
            std::find(values.begin(), values.end(), m.what.parameters.front().second);
        c.points.push_back({static_cast<std::size_t>(place - values.begin()), wall});
    }
    std::vector<curve> all;
    for (auto& [key, c] : curves)
        all.push_back(std::move(c));
    return all;
}

class scan_drawing {
public:
    explicit scan_drawing(report const& r)
        : parameter_(r.settings.scans.front()),
          curves_(curves_of(r)),
          area_{84, 16, 1016, 330},
          format_(format_of(r)),
          x_(x_axis()),
          y_(0, highest() * format_.per_second * 1.05, area_.bottom, area_.top, 38)
    {
    }

    std::string draw()
    {
        double const legend = 24 * static_cast<double>(curves_.size());
        svg to(full_width, area_.bottom + 56 + legend, "Wall time along " + parameter_.name);
        if (parameter_.numeric) {
            draw_x_axis(to, area_, x_, parameter_.name);
        } else {
            to.line(area_.left, area_.bottom, area_.right, area_.bottom, "axis");
            std::size_t const stride = parameter_.values.size() / 16 + 1;
            for (std::size_t i = 0; i < parameter_.values.size(); i += stride)
                to.text(place(i), area_.bottom + 17, svg::anchor::middle, "tick",
                        short_name(parameter_.values[i], 16), parameter_.values[i]);
            to.text((area_.left + area_.right) / 2, area_.bottom + 36, svg::anchor::middle, "name",
                    parameter_.name);
        }
        draw_y_axis(to, area_, y_, std::string("median wall time (") + format_.name + ")");
        for (std::size_t i = 0; i < curves_.size(); ++i)
            draw_curve(to, i);
        return to.finish();
    }

private:
    time_format format_of(report const& r) const
    {
        double const top = highest();
        return format_for(top / 2, top / 200, r.settings.unit);
    }

    [[nodiscard]] double highest() const
    {
        double most = 0;
        for (curve const& c : curves_)
            for (point const& p : c.points)
                most = std::max(most, p.wall.upper_quartile);
        return most > 0 ? most : 1;
    }

    [[nodiscard]] double number(std::size_t index) const
    {
        return parameter_.numeric ? std::strtod(parameter_.values[index].c_str(), nullptr)
                                  : static_cast<double>(index);
    }

    [[nodiscard]] axis x_axis() const
    {
        double low = number(0);
        double high = low;
        for (std::size_t i = 0; i < parameter_.values.size(); ++i) {
            low = std::min(low, number(i));
            high = std::max(high, number(i));
        }
        double const room = parameter_.numeric ? 12 : 60;
        return {low, high, area_.left + room, area_.right - room};
    }

    [[nodiscard]] double place(std::size_t index) const { return x_.at(number(index)); }
    [[nodiscard]] double level(double seconds) const { return y_.at(seconds * format_.per_second); }

    void draw_curve(svg& to, std::size_t number_of_curve)
    {
        curve& c = curves_[number_of_curve];
        std::sort(c.points.begin(), c.points.end(), [&](point const& a, point const& b) {
            return number(a.index) < number(b.index);
        });
        to.begin_group(series_style(number_of_curve));
        std::string line;
        for (point const& p : c.points)
            line += (line.empty() ? "M" : "L") + coordinate(place(p.index)) + " " +
                    coordinate(level(p.wall.median));
        to.path(line, "curve");
        for (point const& p : c.points) {
            double const x = place(p.index);
            to.line(x, level(p.wall.lower_quartile), x, level(p.wall.upper_quartile), "whisker");
            to.circle(x, level(p.wall.median), 4, "point",
                      c.name + ", " + parameter_.name + " = " + parameter_.values[p.index] + ": " +
                          format_.with_unit(p.wall.median) + " (middle half " +
                          format_(p.wall.lower_quartile) + " to " +
                          format_.with_unit(p.wall.upper_quartile) + ")");
        }
        double const y = area_.bottom + 60 + 24 * static_cast<double>(number_of_curve);
        to.line(area_.left, y, area_.left + 26, y, "curve");
        to.circle(area_.left + 13, y, 4, "point");
        to.end_group();
        to.text(area_.left + 36, y + 4, svg::anchor::start, "label", short_name(c.name, 110),
                c.name);
    }

    scan const& parameter_;
    std::vector<curve> curves_;
    frame area_;
    time_format format_;
    axis x_;
    axis y_;
};

} // namespace

std::string scan_plot(report const& r)
{
    if (r.settings.scans.empty() || r.settings.scans.front().values.size() < 2 ||
        curves_of(r).empty())
        return "";
    return scan_drawing(r).draw();
}

} // namespace execasio_tool::bench
