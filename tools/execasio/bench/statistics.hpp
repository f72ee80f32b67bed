#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace execasio_tool::bench {

/// What a row of measured values comes to. All members are of the values' unit.
struct summary {
    std::size_t count = 0;
    double mean = 0;
    std::optional<double> deviation; ///< of the sample (n - 1); none of a single value
    double median = 0;
    double minimum = 0;
    double maximum = 0;
    double lower_quartile = 0;
    double upper_quartile = 0;

    /// What the middle half lets expect of the deviation, so that an outlier does not widen it; the
    /// deviation itself when half of the values are the same.
    [[nodiscard]] double spread() const noexcept;
};

/// All zero without values.
summary summarize(std::vector<double> values);

/// @param sorted Ascending, not empty.
/// @param p 0 to 1; between two values as Hyndman and Fan's definition 7 has it (R, NumPy).
double quantile(std::vector<double> const& sorted, double p);

double median_of(std::vector<double> values);

/// The modified Z-score of each value: 0.6745 times its distance from the median, in units of the
/// median absolute deviation (Iglewicz and Hoaglin, 1993). Where more than half of the values are
/// the same, that is zero, and the mean absolute deviation takes its place (times 1.2533). All zero
/// when no value differs.
std::vector<double> modified_z_scores(std::vector<double> const& values);

/// Beyond this such a score marks an outlier.
inline constexpr double outlier_score = 3.5;

/// An estimate with the bounds between which the truth lies.
struct interval {
    double estimate = 0;
    double lower = 0;
    double upper = 0;
    double confidence = 0; ///< of the bounds: at least what was asked for
};

/// The median with the narrowest pair of order statistics, as many from below as from above, that
/// encloses the true median with at least this confidence. Exact for any distribution: how many of
/// n values lie below the true median follows the binomial distribution with p = 1/2.
/// @return nullopt when even the smallest and the largest value are not enough (95 % want six).
std::optional<interval> median_interval(std::vector<double> values, double confidence);

} // namespace execasio_tool::bench
