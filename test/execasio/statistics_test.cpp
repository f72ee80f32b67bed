#include "bench/comparison.hpp"
#include "bench/statistics.hpp"

#include <boost/test/unit_test.hpp>

#include <numeric>

using namespace execasio_tool::bench;

namespace {

measurement with_walls(std::vector<double> const& walls)
{
    measurement m;
    for (double const wall : walls) {
        sample s;
        s.wall = wall;
        m.runs.push_back(s);
    }
    return m;
}

auto const nearly = boost::test_tools::tolerance(1e-9);

} // namespace

BOOST_AUTO_TEST_SUITE(bench_statistics)

BOOST_AUTO_TEST_CASE(summary_has_the_textbook_values)
{
    summary const s = summarize({4, 1, 3, 2, 10});
    BOOST_TEST(s.count == 5u);
    BOOST_TEST(s.mean == 4.0, nearly);
    BOOST_TEST(s.deviation.value() == 3.5355339059327378, nearly); // sqrt(50 / 4)
    BOOST_TEST(s.median == 3.0, nearly);
    BOOST_TEST(s.minimum == 1.0);
    BOOST_TEST(s.maximum == 10.0);
    BOOST_TEST(s.lower_quartile == 2.0, nearly);
    BOOST_TEST(s.upper_quartile == 4.0, nearly);
}

BOOST_AUTO_TEST_CASE(quantiles_lie_between_values)
{
    std::vector<double> const values{1, 2, 3, 4};
    BOOST_TEST(quantile(values, 0.5) == 2.5, nearly);
    BOOST_TEST(quantile(values, 0.25) == 1.75, nearly); // as R's default has it
    BOOST_TEST(quantile(values, 0) == 1.0);
    BOOST_TEST(quantile(values, 1) == 4.0);
}

BOOST_AUTO_TEST_CASE(a_single_value_has_no_deviation)
{
    BOOST_TEST(!summarize({7}).deviation.has_value());
    BOOST_TEST(summarize({}).count == 0u);
}

BOOST_AUTO_TEST_CASE(z_scores_are_by_the_median)
{
    // Median 3, absolute deviations 2 1 0 1 97: their median is 1.
    auto const scores = modified_z_scores({1, 2, 3, 4, 100});
    BOOST_TEST(scores[0] == -2 * 0.6745, nearly);
    BOOST_TEST(scores[2] == 0.0);
    BOOST_TEST(scores[4] == 97 * 0.6745, nearly);
}

BOOST_AUTO_TEST_CASE(z_scores_bear_many_equal_values)
{
    auto const scores = modified_z_scores({5, 5, 5, 5, 5, 11});
    BOOST_TEST(scores[0] == 0.0);
    BOOST_TEST(scores[5] == 6 / (1.2533 * 1.0), nearly); // the mean deviation is 1
    BOOST_TEST(modified_z_scores({2, 2, 2})[1] == 0.0);
}

BOOST_AUTO_TEST_CASE(median_interval_is_the_known_one)
{
    // From the tables of the sign test: ten values, 95 %: the 2nd and the 9th, in truth 97.85 %.
    std::vector<double> values(10);
    std::iota(values.begin(), values.end(), 1.0);
    auto const ten = median_interval(values, 0.95);
    BOOST_REQUIRE(ten.has_value());
    BOOST_TEST(ten->estimate == 5.5, nearly);
    BOOST_TEST(ten->lower == 2.0);
    BOOST_TEST(ten->upper == 9.0);
    BOOST_TEST(ten->confidence == 1 - 22.0 / 1024, nearly);

    // A hundred: the 40th and the 61st, 96.48 %.
    values.resize(100);
    std::iota(values.begin(), values.end(), 1.0);
    auto const hundred = median_interval(values, 0.95);
    BOOST_REQUIRE(hundred.has_value());
    BOOST_TEST(hundred->lower == 40.0);
    BOOST_TEST(hundred->upper == 61.0);
    BOOST_TEST(hundred->confidence == 0.9648, boost::test_tools::tolerance(1e-4));
}

BOOST_AUTO_TEST_CASE(five_values_are_no_interval_of_95_percent)
{
    BOOST_TEST(!median_interval({1, 2, 3, 4, 5}, 0.95).has_value());
    auto const six = median_interval({1, 2, 3, 4, 5, 6}, 0.95);
    BOOST_REQUIRE(six.has_value());
    BOOST_TEST(six->lower == 1.0);
    BOOST_TEST(six->upper == 6.0);
    BOOST_TEST(six->confidence == 1 - 2.0 / 64, nearly);
}

BOOST_AUTO_TEST_CASE(many_values_do_not_underflow)
{
    std::vector<double> values(20'001);
    std::iota(values.begin(), values.end(), 0.0);
    auto const i = median_interval(values, 0.95);
    BOOST_REQUIRE(i.has_value());
    BOOST_TEST(i->estimate == 10'000.0);
    // The normal approximation: 1.96 * sqrt(n) / 2 to each side.
    BOOST_TEST(i->lower == 10'000 - 138.6, boost::test_tools::tolerance(1e-3));
}

BOOST_AUTO_TEST_CASE(ratios_are_those_of_pairs)
{
    std::vector<measurement> all{with_walls({2, 4, 6, 8, 10, 12, 14}),
                                 with_walls({1, 2, 3, 4, 5, 6, 7})};
    auto const c = compare_pairs(all, 0, 1);
    BOOST_REQUIRE(c.has_value());
    BOOST_TEST(c->ratios.size() == 7u);
    BOOST_TEST(c->wall == 2.0, nearly);
    BOOST_REQUIRE(c->wall_interval.has_value());
    BOOST_TEST(c->wall_interval->lower == 2.0,
               nearly); // by medians alone it would not be this sharp
    BOOST_TEST((verdict_of(c->wall_interval) == verdict::slower));
    BOOST_TEST(!c->cpu.has_value()); // there was no CPU time
}

BOOST_AUTO_TEST_CASE(stopped_runs_take_their_partner_with_them)
{
    std::vector<measurement> all{with_walls({2, 900, 6}), with_walls({1, 1, 3, 9})};
    all[0].runs[1].stopped = true;
    auto const c = compare_pairs(all, 0, 1);
    BOOST_REQUIRE(c.has_value());
    BOOST_TEST(c->ratios == std::vector<double>({2, 2}), boost::test_tools::per_element());
    BOOST_TEST(!c->wall_interval.has_value());
    BOOST_TEST((verdict_of(c->wall_interval) == verdict::undecided));
}

BOOST_AUTO_TEST_CASE(equal_commands_are_not_told_apart)
{
    std::vector<measurement> all{with_walls({1, 2, 1, 2, 1, 2, 1, 2}),
                                 with_walls({2, 1, 2, 1, 2, 1, 2, 1})};
    auto const c = compare_pairs(all, 0, 1);
    BOOST_REQUIRE(c.has_value());
    BOOST_TEST((verdict_of(c->wall_interval) == verdict::undecided));
}

BOOST_AUTO_TEST_SUITE_END()
