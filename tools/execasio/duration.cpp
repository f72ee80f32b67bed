#include "duration.hpp"

#include <charconv>
#include <cstdio>
#include <stdexcept>

namespace execasio_tool {

duration parse_duration(std::string const& text)
{
    constexpr struct {
        char const* name;
        double milliseconds;
    } units[] = {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}};

    double number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string const unit(end, text.data() + text.size());
    constexpr double longest = 1e12; // milliseconds: 30 years
    for (auto const& [name, factor] : units)
        if (error == std::errc() && unit == name && number >= 0 && number * factor <= longest)
            return {std::chrono::milliseconds(static_cast<long long>(number * factor))};
    throw std::invalid_argument("'" + text + "' is no time: write 500ms, 2s, 1.5m or 1h");
}

std::istream& operator>>(std::istream& in, duration& d)
{
    std::string text;
    in >> text;
    d = parse_duration(text);
    return in;
}

std::string in_seconds(std::chrono::nanoseconds time)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>(time).count());
    return text;
}

} // namespace execasio_tool
