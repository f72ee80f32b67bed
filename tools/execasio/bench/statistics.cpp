#include "bench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace execasio_tool::bench {
namespace {

double mean_of(std::vector<double> const& values)
{
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

} // namespace

double quantile(std::vector<double> const& sorted, double p)
{
    double const place = p * static_cast<double>(sorted.size() - 1);
    auto const below = static_cast<std::size_t>(place);
    if (below + 1 >= sorted.size())
        return sorted.back();
    double const part = place - static_cast<double>(below);
    return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

double summary::spread() const noexcept
{
    double const middle = (upper_quartile - lower_quartile) / 1.349; // of a normal distribution
    return middle > 0 ? middle : deviation.value_or(0);
}

double median_of(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : quantile(values, 0.5);
}

summary summarize(std::vector<double> values)
{
    summary s;
    s.count = values.size();
    if (values.empty())
        return s;
    std::sort(values.begin(), values.end());
    s.mean = mean_of(values);
    s.median = quantile(values, 0.5);
    s.minimum = values.front();
    s.maximum = values.back();
    s.lower_quartile = quantile(values, 0.25);
    s.upper_quartile = quantile(values, 0.75);
    if (values.size() > 1) {
        double squares = 0;
        for (double const v : values)
            squares += (v - s.mean) * (v - s.mean);
        s.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
    }
    return s;
}

std::vector<double> modified_z_scores(std::vector<double> const& values)
{
    std::vector<double> scores(values.size(), 0.0);
    if (values.empty())
        return scores;
    double const middle = median_of(values);
    std::vector<double> distances;
    distances.reserve(values.size());
    for (double const v : values)
        distances.push_back(std::fabs(v - middle));
    double scale = median_of(distances) / 0.6745;
    if (scale == 0)
        scale = mean_of(distances) * 1.2533;
    if (scale == 0)
        return scores;
    for (std::size_t i = 0; i < values.size(); ++i)
        scores[i] = (values[i] - middle) / scale;
    return scores;
}

std::optional<interval> median_interval(std::vector<double> values, double confidence)
{
    std::size_t const n = values.size();
    if (n == 0)
        return std::nullopt;
    std::sort(values.begin(), values.end());
    // The probability that exactly k of n lie below, by its logarithm: 2^-n alone would be zero.
    auto const probability = [n](std::size_t k) {
        auto const of = static_cast<double>(n);
        auto const some = static_cast<double>(k);
        return std::exp(std::lgamma(of + 1) - std::lgamma(some + 1) - std::lgamma(of - some + 1) -
                        of * std::log(2.0));
    };
    // Between the values with the indices k and n - 1 - k: missed when at most k lie on one side.
    double missed = 0;
    std::optional<interval> best;
    for (std::size_t k = 0; k < (n + 1) / 2; ++k) {
        missed += 2 * probability(k);
        if (1 - missed < confidence)
            break;
        best = interval{quantile(values, 0.5), values[k], values[n - 1 - k], 1 - missed};
    }
    return best;
}

} // namespace execasio_tool::bench
