#include "bench/plots.hpp"

#include "bench/statistics.hpp"

#include <algorithm>

namespace execasio_tool::bench {

visible_range range_without_far_values(std::vector<double> const& values)
{
    visible_range range;
    if (values.empty())
        return range;
    summary const s = summarize(values);
    double const spread = s.upper_quartile - s.lower_quartile;
    double const far = s.upper_quartile + 6 * spread;
    range.low = s.minimum;
    range.high = s.maximum;
    if (spread <= 0 || s.maximum <= far)
        return range;
    range.high = s.minimum;
    for (double const v : values) {
        if (v <= far)
            range.high = std::max(range.high, v);
        else
            ++range.beyond;
    }
    return range;
}

std::size_t stride_for(std::size_t runs)
{
    return (runs + 1999) / 2000;
}

std::string short_name(std::string const& name, std::size_t most)
{
    std::size_t characters = 0;
    for (std::size_t i = 0; i < name.size(); ++i) {
        bool const begins = (static_cast<unsigned char>(name[i]) & 0xc0) != 0x80;
        if (begins && ++characters == most)
            return name.substr(0, i) + "…";
    }
    return name;
}

time_format plot_format(std::vector<double> const& values, report const& r)
{
    summary const s = summarize(values);
    return format_for(s.median, s.spread(), r.settings.unit);
}

} // namespace execasio_tool::bench
