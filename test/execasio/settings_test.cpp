#include "bench/plan.hpp"
#include "bench/scan.hpp"
#include "bench/settings.hpp"
#include "bench/words.hpp"

#include <boost/program_options/errors.hpp>
#include <boost/test/unit_test.hpp>

#include <stdexcept>

using namespace execasio_tool::bench;
using texts = std::vector<std::string>;

namespace {

settings parsed(texts const& arguments)
{
    auto s = parse_settings(arguments);
    BOOST_REQUIRE(s.has_value());
    return *s;
}

template <class T>
void check_equal(std::vector<T> const& got, std::vector<T> const& wanted)
{
    BOOST_TEST(got == wanted, boost::test_tools::per_element());
}

} // namespace

BOOST_AUTO_TEST_SUITE(bench_settings)

BOOST_AUTO_TEST_CASE(words_are_split_as_a_shell_does)
{
    check_equal(split_words("a  b\tc"), {"a", "b", "c"});
    check_equal(split_words(R"(a 'b c' "d e" f\ g)"), {"a", "b c", "d e", "f g"});
    check_equal(split_words(R"("" x'y'"z")"), {"", "xyz"});
    check_equal(split_words(R"("\$ \" \\ \n" '\n')"), {R"($ " \ \n)", R"(\n)"});
    check_equal(split_words("a\\\nb"), {"ab"});
    check_equal(split_words("'$HOME' \"*.c\" '~' a~ $ [ x=1 ]\n"),
                {"$HOME", "*.c", "~", "a~", "$", "[", "x=1", "]"});
    check_equal(split_words("\n a --x=1 \n \t"), {"a", "--x=1"});
    check_equal(split_words("'a|b' \"c>d\" e\\;f"), {"a|b", "c>d", "e;f"});
}

BOOST_AUTO_TEST_CASE(what_wants_a_shell_is_refused)
{
    for (char const* line :
         {"a | b", "a > f", "a < f", "a; b",  "a && b",   "a `b`",    "a $(b)",   "a 'b",
          "a \"b", "a \\",  "",      "  ",    "a $HOME",  "a \"$x\"", "a ${x}",   "a *.c",
          "a ?",   "~/a",   "a ~",   "X=1 a", "a [bc].d", "a b{c,d}", "a {1..3}", "a\nb"})
        BOOST_CHECK_THROW(split_words(line), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_had_is_told_before_anything_runs)
{
    for (texts const& wrong : {texts{"-r", "0", "a"}, texts{"-r", "-1", "a"}})
        BOOST_CHECK_THROW(parse_settings(wrong), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(quoted_words_come_back)
{
    for (char const* word : {"plain", "", "with blank", "it's", "$x", "\\", "\"", "a\nb", "*"})
        check_equal(split_words(quoted(word)), {word});
}

BOOST_AUTO_TEST_CASE(ranges_are_decimal)
{
    check_equal(parse_range("n", "1", "4", "1").values, {"1", "2", "3", "4"});
    check_equal(parse_range("n", "0.1", "0.5", "0.1").values, {"0.1", "0.2", "0.3", "0.4", "0.5"});
    check_equal(parse_range("n", "-1", "1", "0.5").values, {"-1.0", "-0.5", "0.0", "0.5", "1.0"});
    check_equal(parse_range("n", "2", "9", "3").values, {"2", "5", "8"});
    BOOST_TEST(parse_range("n", "1", "2", "1").numeric);
    for (auto const& bad : {texts{"2", "1", "1"}, texts{"1", "2", "0"}, texts{"1", "2", "-1"},
                            texts{"x", "2", "1"}, texts{"1", "", "1"}, texts{"1", "2x", "1"},
                            texts{"1", "999999999", "1"}, texts{".", "2", "1"}})
        BOOST_CHECK_THROW(parse_range("n", bad[0], bad[1], bad[2]), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(lists_may_hold_commas)
{
    check_equal(parse_list("n", "a,b,c").values, {"a", "b", "c"});
    check_equal(parse_list("n", "a\\,b,c\\d").values, {"a,b", "c\\d"});
    check_equal(parse_list("n", "").values, {""});
    BOOST_TEST(!parse_list("n", "a,2").numeric);
    BOOST_TEST(parse_list("n", "1,2.5,-3").numeric);
}

BOOST_AUTO_TEST_CASE(values_take_the_place_of_names)
{
    assignment const values{{"n", "3"}, {"m", "{n}"}};
    BOOST_TEST(substitute("a{n}b {m} {other} {n", values) == "a3b {n} {other} {n");
}

BOOST_AUTO_TEST_CASE(options_have_the_names_that_hyperfine_gave_them)
{
    settings const s = parsed({"-w",     "2",
                               "--runs", "7",
                               "-s",     "setup",
                               "-p",     "prep",
                               "-c",     "after",
                               "-C",     "clean",
                               "-i",     "--input",
                               "in",     "--output",
                               "pipe",   "--export-json",
                               "-",      "--export-html",
                               "f.html", "-n",
                               "one",    "-u",
                               "second", "--style",
                               "none",   "--cpu",
                               "0-2,4",  "--time-limit",
                               "1.5s",   "true",
                               "false"});
    check_equal(s.commands, {"true", "false"});
    BOOST_TEST(s.warmup == 2u);
    BOOST_TEST(s.min_runs == 7u);
    BOOST_TEST(s.max_runs.value() == 7u);
    BOOST_TEST(s.setup.value() == "setup");
    check_equal(s.prepare, {"prep"});
    check_equal(s.conclude, {"after"});
    BOOST_TEST(s.cleanup.value() == "clean");
    BOOST_TEST(s.ignore_failure);
    BOOST_TEST(s.input == "in");
    BOOST_TEST(s.output == "pipe");
    BOOST_TEST(s.exports.size() == 2u);
    BOOST_TEST(s.exports[0].path == "-");
    check_equal(s.names, {"one"});
    BOOST_TEST((s.unit == time_unit::second));
    check_equal(s.cpus, {0, 1, 2, 4});
    BOOST_TEST(s.time_limit->count() == 1500);
    BOOST_TEST(s.shell.empty());
}

BOOST_AUTO_TEST_CASE(options_may_follow_commands)
{
    settings const s = parsed({"one", "-r", "3", "--vs", "two", "-S", "bash --norc"});
    check_equal(s.commands, {"one"});
    BOOST_TEST(s.reference.value() == "two");
    BOOST_TEST(s.paired);
    check_equal(s.shell, {"bash", "--norc", "-c"});
    check_equal(parsed({"-S", "default", "x"}).shell, {"/bin/sh", "-c"});
    BOOST_TEST(parsed({"-S", "default", "-N", "x"}).shell.empty());
    BOOST_TEST(parsed({"-S", "none", "x"}).shell.empty());
    check_equal(parsed({"--", "-x"}).commands, {"-x"});
}

BOOST_AUTO_TEST_CASE(scans_keep_their_order_and_steps)
{
    settings const s = parsed({"-P", "a", "1", "5", "-D", "2", "-L", "b", "x,y", "-P", "c", "-2",
                               "-1", "cmd {a} {b} {c}"});
    BOOST_TEST(s.scans.size() == 3u);
    check_equal(s.scans[0].values, {"1", "3", "5"});
    check_equal(s.scans[1].values, {"x", "y"});
    check_equal(s.scans[2].values, {"-2", "-1"});
    BOOST_TEST(make_plan(s).size() == 12u);
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused)
{
    for (texts const& bad :
         {texts{}, texts{"-r", "0", "x"}, texts{"-r", "-1", "x"}, texts{"-m", "5", "-M", "3", "x"},
          texts{"-r", "3", "-M", "3", "x"}, texts{"-P", "n", "1", "x"}, texts{"-P", "n", "1"},
          texts{"-L", "n", "1", "x"}, texts{"-D", "1", "x"}, texts{"-n", "a", "-n", "b", "x"},
          texts{"--style", "gaudy", "x"}, texts{"--cpu", "1-", "x"}, texts{"--cpu", "x", "x"},
          texts{"--cpu", "3-1", "x"}, texts{"--vs", "a", "--reference", "b", "x"},
          texts{"-p", "a", "-p", "b", "x"}, texts{"--time-limit", "fast", "x"},
          texts{"-L", "n", "1", "-L", "n", "2", "x {n}"}})
        BOOST_CHECK_THROW(parse_settings(bad), std::invalid_argument);
    for (texts const& bad : {texts{"--nosuch", "x"}, texts{"-r", "many", "x"}, texts{"-r"}})
        BOOST_CHECK_THROW(parse_settings(bad), boost::program_options::error);
    // Refused before anything is run.
    BOOST_CHECK_THROW(make_plan(parsed({"a", "b | c"})), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(compared_commands_take_turns_within_each_value)
{
    auto const plan = make_plan(parsed({"-L", "n", "1,2", "a {n}", "b {n}", "--vs", "c {n}", "-n",
                                        "A{n}", "-n", "B", "-n", "C{n}"}));
    BOOST_TEST(plan.size() == 2u);
    BOOST_TEST(plan[1].size() == 3u);
    BOOST_TEST(plan[1][0].name == "A2");
    BOOST_TEST(plan[1][0].line == "a 2");
    BOOST_TEST(plan[1][1].name == "B");
    BOOST_TEST(plan[1][2].name == "C2");
    BOOST_TEST(plan[1][2].line == "c 2");
    BOOST_TEST(plan[1][2].is_reference);
}

BOOST_AUTO_TEST_CASE(each_command_has_its_own_preparation)
{
    auto const plan =
        make_plan(parsed({"-p", "for-ref", "-p", "for-a", "-p", "for-b", "a", "b", "--vs", "ref"}));
    BOOST_TEST(plan[0][0].prepare == "for-a");
    BOOST_TEST(plan[0][1].prepare == "for-b");
    BOOST_TEST(plan[0][2].prepare == "for-ref");
}

BOOST_AUTO_TEST_SUITE_END()
