#include "bench/scan.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace execasio_tool::bench {
namespace {

constexpr std::size_t most_values = 100'000;

/// digits / 10^places
struct decimal {
    std::int64_t digits = 0;
    unsigned places = 0;
};

decimal parse_decimal(std::string const& text)
{
    auto const bad = [&] { return std::invalid_argument("'" + text + "' is no decimal number"); };
    std::string digits = text;
    decimal result;
    if (std::size_t const point = digits.find('.'); point != std::string::npos) {
        result.places = static_cast<unsigned>(digits.size() - point - 1);
        digits.erase(point, 1);
    }
    if (digits.size() > 1 && digits.front() == '+' && digits[1] != '-')
        digits.erase(0, 1);
    // 15 digits leave room for bringing three of them to a common scale.
    if (digits.empty() || digits.size() > 15 || result.places > 9)
        throw bad();
    auto const [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), result.digits);
    if (error != std::errc() || end != digits.data() + digits.size())
        throw bad();
    return result;
}

std::int64_t scaled(decimal const& d, unsigned places)
{
    std::int64_t value = d.digits;
    for (unsigned i = d.places; i < places; ++i)
        if (__builtin_mul_overflow(value, 10, &value))
            throw std::invalid_argument("the numbers of a range are too far apart");
    return value;
}

std::string to_string(std::int64_t value, unsigned places)
{
    std::string text = std::to_string(value < 0 ? -value : value);
    if (text.size() <= places)
        text.insert(0, places + 1 - text.size(), '0');
    if (places != 0)
        text.insert(text.size() - places, 1, '.');
    return value < 0 ? "-" + text : text;
}

bool is_number(std::string const& text)
{
    try {
        parse_decimal(text);
        return true;
    } catch (std::invalid_argument const&) {
        return false;
    }
}

} // namespace

scan parse_range(std::string name, std::string const& first, std::string const& last,
                 std::string const& step)
{
    decimal const from = parse_decimal(first);
    decimal const to = parse_decimal(last);
    decimal const by = parse_decimal(step);
    unsigned const places = std::max({from.places, to.places, by.places});
    std::int64_t const end = scaled(to, places);
    std::int64_t const stride = scaled(by, places);
    if (stride <= 0)
        throw std::invalid_argument("the step of " + name + " has to be positive");
    scan result{std::move(name), {}, true};
    for (std::int64_t at = scaled(from, places); at <= end;) {
        result.values.push_back(to_string(at, places));
        if (result.values.size() > most_values)
            throw std::invalid_argument(result.name + " has more than 100,000 values");
        if (__builtin_add_overflow(at, stride, &at))
            break;
    }
    if (result.values.empty())
        throw std::invalid_argument("the range of " + result.name + " is empty");
    return result;
}

scan parse_list(std::string name, std::string const& values)
{
    scan result{std::move(name), {""}, false};
    for (std::size_t i = 0; i < values.size(); ++i) {
        bool const comma_inside =
            values[i] == '\\' && i + 1 < values.size() && values[i + 1] == ',';
        if (comma_inside)
            result.values.back() += values[++i];
        else if (values[i] == ',')
            result.values.emplace_back();
        else
            result.values.back() += values[i];
    }
    result.numeric = std::all_of(result.values.begin(), result.values.end(), is_number);
    return result;
}

std::vector<assignment> combinations(std::vector<scan> const& scans)
{
    std::vector<assignment> all{assignment()};
    for (scan const& s : scans) {
        if (s.values.size() > most_values / all.size())
            throw std::invalid_argument("more than 100,000 combinations of parameters");
        std::vector<assignment> longer;
        for (assignment const& a : all)
            for (std::string const& value : s.values) {
                longer.push_back(a);
                longer.back().emplace_back(s.name, value);
            }
        all = std::move(longer);
    }
    return all;
}

std::string substitute(std::string text, assignment const& values)
{
    // In one pass, so that a value that looks like a parameter stays as it is.
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        auto const match = std::find_if(values.begin(), values.end(), [&](auto const& v) {
            std::string const place = "{" + v.first + "}";
            return text.compare(at, place.size(), place) == 0;
        });
        if (match == values.end()) {
            result += text[at++];
        } else {
            result += match->second;
            at += match->first.size() + 2;
        }
    }
    return result;
}

std::string to_text(assignment const& values)
{
    std::string text;
    for (auto const& [name, value] : values)
        text += (text.empty() ? "" : ", ") + name + "=" + value;
    return text;
}

} // namespace execasio_tool::bench
