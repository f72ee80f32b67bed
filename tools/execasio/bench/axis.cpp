#include "bench/axis.hpp"

#include "bench/format.hpp"

#include <algorithm>
#include <cmath>

namespace execasio_tool::bench {
namespace {

/// 1, 2 or 5 times a power of ten, the first that is not below.
double round_step(double least)
{
    double const power = std::pow(10.0, std::floor(std::log10(least)));
    for (double const factor : {1.0, 2.0, 5.0})
        if (power * factor >= least * (1 - 1e-9))
            return power * factor;
    return power * 10;
}

} // namespace

axis::axis(double low, double high, double first_pixel, double last_pixel, double pixels, scale s)
    : low_(low),
      high_(high),
      first_(first_pixel),
      last_(last_pixel),
      scale_(low > 0 ? s : scale::linear)
{
    if (!(high_ > low_)) { // all the same: some room around it
        double const room = low_ != 0 ? std::fabs(low_) * 0.05 : 1;
        low_ -= room;
        high_ += room;
    }
    double const most = std::max(2.0, std::fabs(last_ - first_) / pixels);
    if (scale_ == scale::logarithmic && high_ / low_ > 5)
        logarithmic_ticks();
    else
        linear_ticks(most);
}

void axis::linear_ticks(double most)
{
    double const step = round_step((high_ - low_) / most);
    double const start = std::ceil(low_ / step - 1e-9);
    for (double i = start; i * step <= high_ + step * 1e-9; ++i)
        ticks_.push_back(i == 0 ? 0 : i * step); // rounding up what is just below it gives -0
}

void axis::logarithmic_ticks()
{
    for (double power = std::pow(10.0, std::floor(std::log10(low_))); power <= high_; power *= 10)
        for (double const factor : {1.0, 2.0, 5.0})
            if (double const tick = power * factor; tick >= low_ && tick <= high_)
                ticks_.push_back(tick);
}

double axis::at(double value) const
{
    double const part = scale_ == scale::linear ? (value - low_) / (high_ - low_)
                                                : std::log(value / low_) / std::log(high_ / low_);
    return first_ + part * (last_ - first_);
}

std::string axis::label(double tick) const
{
    // As many decimals as tell neighbours apart, the same for all.
    double step = std::fabs(tick);
    if (scale_ == scale::linear || high_ / low_ <= 5)
        step = ticks_.size() > 1 ? ticks_[1] - ticks_[0] : high_ - low_;
    if (step <= 0)
        return "0";
    int const decimals = std::clamp(-static_cast<int>(std::floor(std::log10(step) + 1e-9)), 0, 9);
    return fixed(tick, decimals);
}

void draw_x_axis(svg& to, frame const& f, axis const& x, std::string const& name)
{
    for (double const tick : x.ticks()) {
        to.line(x.at(tick), f.top, x.at(tick), f.bottom, "grid");
        to.text(x.at(tick), f.bottom + 17, svg::anchor::middle, "tick", x.label(tick));
    }
    to.line(f.left, f.bottom, f.right, f.bottom, "axis");
    to.text((f.left + f.right) / 2, f.bottom + 36, svg::anchor::middle, "name", name);
}

void draw_y_axis(svg& to, frame const& f, axis const& y, std::string const& name)
{
    for (double const tick : y.ticks()) {
        to.line(f.left, y.at(tick), f.right, y.at(tick), "grid");
        to.text(f.left - 8, y.at(tick) + 4, svg::anchor::end, "tick", y.label(tick));
    }
    to.line(f.left, f.top, f.left, f.bottom, "axis");
    to.rotated_text(f.left - 54, (f.top + f.bottom) / 2, "name", name);
}

} // namespace execasio_tool::bench
