#include "bench/axis.hpp"
#include "bench/exporters.hpp"
#include "bench/format.hpp"
#include "bench/plots.hpp"
#include "support/contains.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <sstream>

#include <signal.h>

using namespace execasio_tool::bench;
using test::contains;

namespace {

constexpr char nasty[] = "a,\"b\" | <i>&'`\n\xff";

measurement measured(std::string const& name, std::vector<double> const& walls)
{
    measurement m;
    m.what.name = name;
    m.what.line = name;
    for (double const wall : walls) {
        sample s;
        s.wall = wall;
        s.user = wall / 2;
        s.peak_memory = 1'000'000;
        s.memory_exact = true;
        m.runs.push_back(s);
    }
    return m;
}

report with(std::vector<measurement> all)
{
    report r;
    r.measurements = std::move(all);
    return r;
}

template <class Writer>
std::string written(Writer writer, report const& r)
{
    std::ostringstream out;
    writer(out, r);
    return out.str();
}

bool any_contains(std::vector<std::string> const& texts, std::string const& part)
{
    return std::any_of(texts.begin(), texts.end(),
                       [&](std::string const& text) { return contains(text, part); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(bench_report)

BOOST_AUTO_TEST_CASE(units_fit_and_decimals_end_where_the_spread_begins)
{
    BOOST_TEST(format_for(0.0123456, 0.00041, time_unit::automatic).with_unit(0.0123456) ==
               "12.35 ms");
    BOOST_TEST(format_for(0.0123456, 0.0041, time_unit::automatic).with_unit(0.0123456) ==
               "12.3 ms");
    BOOST_TEST(format_for(0.000456, 0.00002, time_unit::automatic).with_unit(0.000456) == "456 µs");
    BOOST_TEST(format_for(12.3456, 0.12, time_unit::automatic).with_unit(12.3456) == "12.35 s");
    BOOST_TEST(format_for(12.3456, 20, time_unit::automatic).with_unit(12.3456) == "12 s");
    BOOST_TEST(format_for(0.0012345, 0.02, time_unit::automatic).with_unit(0.0012345) == "1.2 ms");
    BOOST_TEST(format_for(0.5, 0, time_unit::second).with_unit(0.5) == "0.500 s");
    // A microsecond is all that the kernel knows of CPU times.
    BOOST_TEST(format_for(0.001234567, 1e-9, time_unit::millisecond)(0.001234567) == "1.235");
    BOOST_TEST(format_for(0, 0, time_unit::automatic).with_unit(0) == "0 ms");
}

BOOST_AUTO_TEST_CASE(statuses_are_counted)
{
    BOOST_TEST(describe_statuses({0, 256, 0, SIGKILL}) ==
               "exit code 0 (2 runs), SIGKILL (1 run), exit code 1 (1 run)");
}

BOOST_AUTO_TEST_CASE(csv_fields_are_quoted_where_they_have_to_be)
{
    BOOST_TEST(csv_field("plain") == "plain");
    BOOST_TEST(csv_field("a,b") == "\"a,b\"");
    BOOST_TEST(csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
    BOOST_TEST(csv_field("two\nlines") == "\"two\nlines\"");
}

BOOST_AUTO_TEST_CASE(every_csv_line_has_every_column)
{
    report r = with({measured("a,b", {1, 2, 3}), measured("none", {})});
    r.settings.scans.push_back(parse_list("n", "1"));
    for (measurement& m : r.measurements)
        m.what.parameters = {{"n", "1"}};
    std::istringstream lines(written(write_csv, r));
    std::string head;
    std::getline(lines, head);
    BOOST_TEST(head.starts_with("command,mean,stddev,median,user,system,min,max,"));
    BOOST_TEST(head.ends_with(",parameter_n\r"));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        auto const commas = std::count(line.begin(), line.end(), ',');
        bool const quoted = line.starts_with("\"a,b\"");
        BOOST_TEST(commas - (quoted ? 1 : 0) == std::count(head.begin(), head.end(), ','));
    }
    BOOST_TEST(count == 2);
}

BOOST_AUTO_TEST_CASE(names_stay_in_their_markdown_cell)
{
    BOOST_TEST(markdown_code("a|b") == "`a\\|b`");
    BOOST_TEST(markdown_code("a`b") == "`` a`b ``");
    BOOST_TEST(markdown_code("a\nb") == "`a b`");
}

BOOST_AUTO_TEST_CASE(html_names_no_other_place_and_runs_nothing)
{
    report r = with({measured(nasty, {1, 2, 3, 4, 5, 6, 7}), measured("b", {2, 2, 3, 3, 5, 5, 7})});
    r.settings.paired = true;
    r.settings.reference = "b";
    r.measurements[1].what.is_reference = true;
    r.comparisons.push_back(compare_pairs(r.measurements, 0, 1).value());
    std::string const page = written(write_html, r);
    BOOST_TEST(!contains(page, "<i>"));
    BOOST_TEST(contains(page, "&lt;i&gt;&amp;&#39;"));
    for (char const* from_outside :
         {"src=", "href=", "url(", "@import", "<script", "http:", "https:"})
        BOOST_TEST(!contains(page, from_outside), from_outside);
    BOOST_TEST(contains(page, "Content-Security-Policy"));
    BOOST_TEST(contains(page, "Ratio of each pair"));
    // Nothing that is no number may have got into a coordinate.
    for (char const* broken : {"=\"nan", "=\"-nan", "=\"inf", "=\"-inf", " nan", " inf"})
        BOOST_TEST(!contains(page, broken), broken);
}

BOOST_AUTO_TEST_CASE(json_is_valid_whatever_a_command_is_called)
{
    report r = with({measured(nasty, {1, 2}), measured("\xe2\x82\xac", {})});
    r.failure = "it \"failed\"";
    auto const value = boost::json::parse(written(write_json, r));
    auto const& results = value.at("results").as_array();
    BOOST_TEST(results[0].at("command").as_string() == "a,\"b\" | <i>&'`\n\xef\xbf\xbd");
    BOOST_TEST(results[1].at("command").as_string() == "\xe2\x82\xac");
    BOOST_TEST(results[0].at("mean").as_double() == 1.5);
    BOOST_TEST(results[0].at("times").as_array().size() == 2u);
    BOOST_TEST(results[1].as_object().count("mean") == 0u); // no figure of nothing
    BOOST_TEST(value.at("failure").as_string() == "it \"failed\"");
}

BOOST_AUTO_TEST_CASE(failures_are_in_every_report)
{
    report r = with({measured("x", {1, 2, 3, 4})});
    r.measurements[0].runs[1].status = 3 << 8;
    r.measurements[0].runs[2].stopped = true;
    r.settings.time_limit = std::chrono::milliseconds(50);
    BOOST_TEST(failures_of(r.measurements[0]) == 2u);
    BOOST_TEST(values_of(r.measurements[0], [](sample const& s) { return s.wall; }) ==
                   std::vector<double>({1, 2, 4}),
               boost::test_tools::per_element());
    auto const table = [](std::ostream& out, report const& of) { write_table(out, of, false); };
    for (std::string const& text : {written(table, r), written(write_html, r),
                                    written(write_markdown, r), written(write_json, r)}) {
        BOOST_TEST(contains(text, "1 of 4 runs failed: exit code 3 (1 run)"));
        BOOST_TEST(contains(text, "1 of 4 runs stopped by the time limit of 50.0 ms"));
    }
    BOOST_TEST(contains(written(write_csv, r), ",4,2,1,"));
}

BOOST_AUTO_TEST_CASE(memory_that_is_only_a_bound_is_no_figure)
{
    report r = with({measured("x", {1, 2, 3})});
    BOOST_TEST(peak_memory_of(r.measurements[0]).value() == 1'000'000);
    r.measurements[0].runs[1].memory_exact = false;
    BOOST_TEST(!peak_memory_of(r.measurements[0]).has_value());
    BOOST_TEST(any_contains(warnings_about(r.measurements[0], r), "peak memory is not known"));
    r.measurements[0].memory_run = 5000;
    BOOST_TEST(peak_memory_of(r.measurements[0]).value() == 5000);
}

BOOST_AUTO_TEST_CASE(doubtful_figures_are_marked)
{
    std::vector<double> steady(40, 1.0);
    for (std::size_t i = 0; i < steady.size(); ++i)
        steady[i] += 0.001 * static_cast<double>(i % 5);
    report r = with({measured("x", steady)});
    BOOST_TEST(warnings_about(r.measurements[0], r).empty());

    auto const with_walls = [&](std::vector<double> const& walls) {
        return warnings_about(measured("x", walls), r);
    };
    auto cold = steady;
    cold[0] = 1.5;
    BOOST_TEST(any_contains(with_walls(cold), "The first run took"));
    auto disturbed = steady;
    disturbed[20] = 9;
    BOOST_TEST(any_contains(with_walls(disturbed), "1 run is an outlier"));
    auto drifting = steady;
    for (std::size_t i = 25; i < drifting.size(); ++i)
        drifting[i] *= 1.2;
    BOOST_TEST(any_contains(with_walls(drifting), "slower than the first"));
    r.cost = own_cost{0.5, 0.4, 0.6, 0.1, 50};
    BOOST_TEST(any_contains(with_walls(steady), "are the launch itself"));
    r.noise.others = 0.4;
    BOOST_TEST(any_contains(warnings_about(r), "Others used 40 %"));
}

BOOST_AUTO_TEST_CASE(ticks_are_round_numbers_within_the_axis)
{
    axis const a(0.37, 9.2, 0, 500);
    BOOST_REQUIRE(a.ticks().size() > 2);
    BOOST_TEST(a.ticks().front() >= 0.37);
    BOOST_TEST(a.ticks().back() <= 9.2);
    BOOST_TEST(a.label(a.ticks()[1]) == "4");
    BOOST_TEST(a.at(0.37) == 0.0);
    BOOST_TEST(a.at(9.2) == 500.0);
    axis const fine(0.98, 1.05, 500, 0);
    BOOST_TEST(fine.label(fine.ticks()[0]) == "0.98");
    axis const flat(3, 3, 0, 100); // all values the same
    BOOST_TEST(flat.at(3) == 50.0);
    axis const wide(0.5, 900, 0, 100, 70, axis::scale::logarithmic);
    BOOST_TEST(wide.label(wide.ticks().front()) == "0.5");
    BOOST_TEST(wide.label(wide.ticks().back()) == "500");
}

BOOST_AUTO_TEST_CASE(far_values_do_not_squeeze_the_plot)
{
    std::vector<double> values{1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 50};
    auto const range = range_without_far_values(values);
    BOOST_TEST(range.high == 1.6);
    BOOST_TEST(range.beyond == 1u);
    BOOST_TEST(stride_for(2000) == 1u);
    BOOST_TEST(stride_for(10'000) == 5u);
}

BOOST_AUTO_TEST_CASE(summary_is_sorted_by_time_unless_it_is_a_scan)
{
    report r = with({measured("slow", {3}), measured("fast", {1})});
    BOOST_TEST(summary_order(r) == std::vector<std::size_t>({1, 0}),
               boost::test_tools::per_element());
    BOOST_TEST(relative_speed(r, 0)->ratio == 3.0);
    r.settings.scans.push_back(parse_list("n", "1,2"));
    BOOST_TEST(summary_order(r) == std::vector<std::size_t>({0, 1}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
