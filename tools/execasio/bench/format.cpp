#include "bench/format.hpp"

#include <execasio/exit_record.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

namespace execasio_tool::bench {

std::string fixed(double value, int decimals)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

std::string time_format::operator()(double seconds) const
{
    return fixed(seconds * per_second, decimals);
}

std::string time_format::with_unit(double seconds) const
{
    return (*this)(seconds) + " " + name;
}

time_format format_for(double typical, double spread, time_unit wanted)
{
    if (wanted == time_unit::automatic) {
        wanted = time_unit::second;
        if (typical < 1)
            wanted = time_unit::millisecond;
        if (typical < 1e-3 && typical > 0)
            wanted = time_unit::microsecond;
    }
    time_format f;
    int most = 3; // down to the microsecond: what rusage has, and more than the scheduler grants
    switch (wanted) {
    case time_unit::microsecond:
        f = {1e6, "µs", 0};
        most = 0;
        break;
    case time_unit::second:
        f = {1, "s", 0};
        most = 6;
        break;
    default: f = {1e3, "ms", 0}; break;
    }
    double const leading = spread > 0 ? spread : typical;
    if (leading <= 0)
        return f;
    auto const decimals = [&](double value, int digits) {
        int const exponent = static_cast<int>(std::floor(std::log10(value * f.per_second)));
        return digits - 1 - exponent;
    };
    int wanted_decimals = decimals(leading, spread > 0 ? 2 : 3);
    if (typical > 0) // however wide the spread: a single digit is hardly a figure
        wanted_decimals = std::max(wanted_decimals, decimals(typical, 2));
    f.decimals = std::clamp(wanted_decimals, 0, most);
    return f;
}

std::string in_bytes(double bytes)
{
    constexpr char const* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < std::size(units)) {
        bytes /= 1024;
        ++unit;
    }
    return fixed(bytes, unit > 1 && bytes < 100 ? 1 : 0) + " " + units[unit];
}

std::string in_percent(double part)
{
    return fixed(part * 100, part < 0.0995 ? 1 : 0) + " %";
}

std::string in_ratio(double ratio)
{
    return fixed(ratio, ratio < 9.9995 ? 3 : ratio < 99.95 ? 2 : 0);
}

std::string count_of(std::size_t n, char const* singular, char const* plural)
{
    return std::to_string(n) + " " + (n == 1 ? singular : plural);
}

std::string describe_statuses(std::vector<int> const& statuses)
{
    std::map<int, std::size_t> counts;
    for (int const status : statuses)
        ++counts[status];
    std::vector<std::pair<int, std::size_t>> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](auto const& a, auto const& b) { return a.second > b.second; });
    std::string text;
    for (auto const& [status, count] : sorted) {
        execasio::exit_record const how(status, {}, {});
        text += (text.empty() ? "" : ", ") +
                (how.exited() ? "exit code " + std::to_string(how.code())
                              : execasio::signal_name(how.signal())) +
                " (" + count_of(count, "run", "runs") + ")";
    }
    return text;
}

} // namespace execasio_tool::bench
