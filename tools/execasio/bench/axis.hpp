#pragma once

#include "bench/svg.hpp"

#include <string>
#include <vector>

namespace execasio_tool::bench {

/// Maps values to pixels, and knows round numbers within its range.
class axis {
public:
    enum class scale { linear, logarithmic };

    /// @param pixels How many there are for each label at least.
    axis(double low, double high, double first_pixel, double last_pixel, double pixels = 70,
         scale s = scale::linear);

    [[nodiscard]] double at(double value) const;
    [[nodiscard]] std::vector<double> const& ticks() const noexcept { return ticks_; }
    [[nodiscard]] std::string label(double tick) const;
    [[nodiscard]] double low() const noexcept { return low_; }
    [[nodiscard]] double high() const noexcept { return high_; }

private:
    void linear_ticks(double most);
    void logarithmic_ticks();

    double low_, high_;
    double first_, last_;
    scale scale_;
    std::vector<double> ticks_;
};

/// The frame of a plot: where the data goes, within the drawing.
struct frame {
    double left, top, right, bottom;
};

void draw_x_axis(svg& to, frame const& f, axis const& x, std::string const& name);
void draw_y_axis(svg& to, frame const& f, axis const& y, std::string const& name);

} // namespace execasio_tool::bench
