#include "execasio/tool.hpp"
#include "support/conditions.hpp"
#include "support/contains.hpp"

#include <execasio/process.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <sstream>

using test::bench;
using test::contains;
using test::puppet_line;
using test::run_for_json;
using test::run_tool;
using test::scratch_directory;

namespace {

double number(boost::json::value const& v)
{
    return v.to_number<double>();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(bench_tool, test::no_leaks)

BOOST_AUTO_TEST_CASE(every_run_is_in_the_report)
{
    auto const json = run_for_json(bench("-r", "5", "-w", "2", puppet_line("spin 20")));
    auto const& result = json.at("results").at(0);
    BOOST_TEST(result.at("times").as_array().size() == 5u);
    BOOST_TEST(number(result.at("min")) <= number(result.at("median")));
    BOOST_TEST(number(result.at("median")) <= number(result.at("max")));
    BOOST_TEST(number(result.at("min")) >= 0.02);
    // The 20 ms are of clock(3), which is user and system time.
    BOOST_TEST(number(result.at("user")) + number(result.at("system")) >= 0.0195);
    for (auto const& code : result.at("exit_codes").as_array())
        BOOST_TEST(code.as_int64() == 0);
    auto const& cost = json.at("environment").at("own_cost");
    BOOST_TEST(number(cost.at("wall")) > 0);
    BOOST_TEST(number(cost.at("wall")) < number(result.at("min")));
    BOOST_TEST(number(cost.at("cpu")) > 0);
}

BOOST_AUTO_TEST_CASE(runs_go_on_for_the_time_given)
{
    std::size_t runs = 0;
    // Until the first one is given the processor for long enough to take less than the second.
    for (int tries = 0; tries < 5 && runs <= 1; ++tries) {
        auto const json =
            run_for_json(bench("--time", "1s", "--min-runs", "1", puppet_line("exit 0")));
        double sum = 0;
        auto const& times = json.at("results").at(0).at("times").as_array();
        for (auto const& time : times)
            sum += number(time);
        BOOST_TEST(sum < 1 + number(times.back())); // the last one began before the time was over
        runs = times.size();
    }
    BOOST_TEST(runs > 1u);
    auto const few = run_for_json(bench("--time", "1h", "--max-runs", "4", puppet_line("exit 0")));
    BOOST_TEST(few.at("results").at(0).at("times").as_array().size() == 4u);
}

BOOST_AUTO_TEST_CASE(memory_is_the_commands_own)
{
    // dd touches a buffer of 256 MiB; true needs far less than the tool, which launches it.
    auto const json =
        run_for_json(bench("-r", "3", "dd if=/dev/zero of=/dev/null bs=256M count=1", "/bin/true"));
    double const mebibyte = 1024 * 1024;
    auto const& large = json.at("results").at(0);
    BOOST_TEST(number(large.at("peak_memory_byte")) > 256 * mebibyte);
    BOOST_TEST(number(large.at("peak_memory_byte")) < 264 * mebibyte);
    BOOST_TEST(large.at("peak_memory_source").as_string() == "median of the runs");
    auto const& small = json.at("results").at(1);
    BOOST_TEST(number(small.at("peak_memory_byte")) > 0.1 * mebibyte);
    BOOST_TEST(number(small.at("peak_memory_byte")) < 2.5 * mebibyte);
    BOOST_TEST(small.at("peak_memory_source").as_string() == "run of its own");
    for (auto const& bound : small.at("memory_usage_byte").as_array())
        BOOST_TEST(bound.is_null());
}

BOOST_AUTO_TEST_CASE(failure_ends_it_with_what_was_measured)
{
    scratch_directory const directory;
    auto const result =
        run_tool(bench("-r", "3", "--conclude", "echo c >>" + directory.file("log"), "--cleanup",
                       "echo C >>" + directory.file("log"), "--export-json", directory.file("json"),
                       puppet_line("exit 0"), puppet_line("exit 7"), puppet_line("exit 0")));
    BOOST_TEST(result.how.code() == 1);
    BOOST_TEST(contains(result.output.text, "exit code 7"));
    BOOST_TEST(contains(result.output.text, "--ignore-failure"));
    auto const json = boost::json::parse(directory.content("json"));
    BOOST_TEST(json.at("results").as_array().size() == 2u);
    BOOST_TEST(json.at("results").at(0).at("times").as_array().size() == 3u);
    BOOST_TEST(contains(std::string(json.at("failure").as_string()), "exit code 7"));
    // What was prepared was also concluded and cleaned up, the run that failed included.
    BOOST_TEST(directory.content("log").ends_with("C\nc\nC\n"));
}

BOOST_AUTO_TEST_CASE(ignored_failures_are_counted)
{
    auto const cmd = bench("-r", "3", "-i", puppet_line("exit 7"), puppet_line("raise 9"));
    auto const result = run_tool(cmd);
    BOOST_TEST(result.how.code() == 0);
    BOOST_TEST(contains(result.output.text, "3 of 3 runs failed: exit code 7 (3 runs)"));
    auto const json = run_for_json(cmd);
    BOOST_TEST(json.at("results").at(0).at("failures").as_int64() == 3);
    BOOST_TEST(json.at("results").at(0).at("exit_codes").at(2).as_int64() == 7);
    BOOST_TEST(json.at("results").at(1).at("exit_codes").at(0).is_null());
    BOOST_TEST(json.at("results").at(1).at("signals").at(0).as_int64() == 9);
}

BOOST_AUTO_TEST_CASE(command_that_cannot_be_started_is_an_error)
{
    auto const json = run_for_json(bench("-r", "2", "-i", "/nonexistent/program"), 1);
    BOOST_TEST(contains(std::string(json.at("failure").as_string()), "cannot be run"));
    auto const unset = run_tool(bench("-r", "2", "a | b"));
    BOOST_TEST(unset.how.code() == 125);
    BOOST_TEST(contains(unset.error.text, "wants a shell"));
    auto const unwritable = run_tool(bench("--export-csv", "/nonexistent/file", "true"));
    BOOST_TEST(unwritable.how.code() == 125);
}

BOOST_AUTO_TEST_CASE(time_limit_ends_a_run_by_the_plan)
{
    auto const stubborn = [](char const* limit) {
        return bench("-r", "2", "--time-limit", limit, "--grace", "10ms",
                     puppet_line("ignore 15 pause-forever"));
    };
    std::int64_t signal = 0;
    // Until the puppet is given the processor for long enough to be deaf by then.
    for (char const* limit : {"500ms", "2s", "5s"}) {
        auto tolerant = stubborn(limit);
        tolerant.argument("-i");
        auto const json = run_for_json(tolerant);
        auto const& result = json.at("results").at(0);
        BOOST_TEST(result.at("stopped_by_time_limit").as_int64() == 2);
        BOOST_TEST(result.as_object().count("mean") == 0u);
        signal = result.at("signals").at(1).as_int64();
        if (signal == 9)
            break;
    }
    BOOST_TEST(signal == 9);
    auto const failed = run_for_json(stubborn("500ms"), 1);
    BOOST_TEST(contains(std::string(failed.at("failure").as_string()), "time limit"));
}

BOOST_AUTO_TEST_CASE(compared_commands_run_there_and_back)
{
    auto const result = run_tool(bench("-r", "4", "--style", "none", "--show-output",
                                       puppet_line("say a"), "--vs", puppet_line("say b")));
    // What comes after the rounds are the runs for the peak memory.
    BOOST_TEST(result.output.text.starts_with("a\nb\nb\na\na\nb\nb\na\n"));
}

BOOST_AUTO_TEST_CASE(random_order_is_that_of_the_seed)
{
    auto const run = [](char const* seed) {
        auto const result =
            run_tool(bench("-r", "20", "--style", "basic", "--show-output", "--order", "random",
                           "--seed", seed, puppet_line("say a"), "--vs", puppet_line("say b")));
        BOOST_TEST(contains(result.output.text, std::string("random order, seed ") + seed));
        std::string letters;
        for (std::size_t i = 0; i + 1 < result.output.text.size() && letters.size() < 40; i += 2)
            letters += result.output.text[i];
        return letters;
    };
    std::string const once = run("5");
    BOOST_TEST(once == run("5"));
    BOOST_TEST(once != run("6"));
    for (std::size_t i = 0; i < once.size(); i += 2)
        BOOST_TEST(once[i] != once[i + 1]); // each round has both
}

BOOST_AUTO_TEST_CASE(ratio_tells_slow_from_fast)
{
    auto const json =
        run_for_json(bench("-r", "8", puppet_line("spin 40"), "--vs", puppet_line("spin 10")));
    auto const& pairs = json.at("comparisons").at(0);
    BOOST_TEST(pairs.at("ratios").as_array().size() == 8u);
    BOOST_TEST(number(pairs.at("cpu").at("lower")) > 1.5);
    BOOST_TEST(number(pairs.at("cpu").at("upper")) < 8);
    BOOST_TEST(number(pairs.at("cpu").at("confidence")) >= 0.95);
}

BOOST_AUTO_TEST_CASE(commands_around_the_runs_keep_their_order)
{
    scratch_directory const directory;
    auto const log = [&](char const* what) {
        return std::string("printf ") + what + " >>" + directory.file("log");
    };
    auto const result = run_tool(bench("-w", "1", "-r", "2", "-s", log("s"), "-p", log("p"), "-c",
                                       log("c"), "-C", log("C"), "-S", "default", log("x")));
    BOOST_TEST(result.how.code() == 0);
    // The last run of a small command is that for its memory.
    BOOST_TEST(directory.content("log") == "spxcpxcpxcpxcC");
}

BOOST_AUTO_TEST_CASE(failed_preparation_is_never_ignored)
{
    auto const json = run_for_json(bench("-r", "2", "-i", "-p", "exit 3", "true"), 1);
    BOOST_TEST(contains(std::string(json.at("failure").as_string()), "preparation"));
    BOOST_TEST(json.at("results").at(0).at("times").as_array().empty());
}

BOOST_AUTO_TEST_CASE(parameters_reach_the_command)
{
    auto const result = run_tool(bench("-r", "1", "--show-output", "--style", "none", "-P", "n",
                                       "1", "2", "-L", "w", "x,y", puppet_line("say {w}{n}")));
    BOOST_TEST(contains(result.output.text, "x1\n"));
    BOOST_TEST(contains(result.output.text, "y2\n"));
}

BOOST_AUTO_TEST_CASE(input_and_cpus_are_the_commands)
{
    scratch_directory const directory;
    std::ofstream(directory.file("in")) << "line of the file\n";
    auto const result = run_tool(bench("-r", "1", "--show-output", "--style", "none", "--input",
                                       directory.file("in"), puppet_line("cat")));
    BOOST_TEST(result.output.text.starts_with("line of the file\n"));

    auto const mask = test::status_of(::getpid(), "Cpus_allowed_list");
    std::string const first = mask.substr(0, mask.find_first_of(",-"));
    auto const pinned = run_tool(bench("-r", "1", "--show-output", "--style", "none", "--cpu",
                                       first, "grep Cpus_allowed_list /proc/self/status"));
    BOOST_TEST(pinned.output.text.starts_with("Cpus_allowed_list:\t" + first + "\n"));
    BOOST_TEST(run_tool(bench("-r", "1", "--cpu", "1023", "true")).how.code() == 125);
}

BOOST_AUTO_TEST_CASE(piped_output_is_read_to_its_end)
{
    // More than a pipe holds: the command would never end if nobody read.
    auto const json =
        run_for_json(bench("-r", "2", "--output", "pipe", puppet_line("write 3000000")));
    BOOST_TEST(json.at("results").at(0).at("times").as_array().size() == 2u);
}

BOOST_AUTO_TEST_CASE(nothing_of_a_run_outlives_it)
{
    auto const result = run_tool(bench("-r", "3", "--show-output", "--style", "none", "--shell",
                                       "default", "sleep 1000 & echo $!"));
    BOOST_TEST(result.how.code() == 0);
    std::istringstream ids(result.output.text);
    int descendants = 0;
    for (pid_t pid; ids >> pid; ++descendants)
        BOOST_TEST(test::has_ended(pid, std::chrono::seconds(5)));
    BOOST_TEST(descendants >= 3);
}

BOOST_AUTO_TEST_CASE(quiet_in_a_pipe_and_lively_on_a_terminal)
{
    auto const piped = run_tool(bench("-r", "3", puppet_line("exit 0")));
    BOOST_TEST(piped.error.text == "");
    BOOST_TEST(!contains(piped.output.text, "\033"));
    BOOST_TEST(contains(piped.output.text, "Own cost of a run"));

    auto on_terminal = bench("-r", "3", puppet_line("exit 0"));
    on_terminal.terminal(execasio::terminal_options()).unset_environment("NO_COLOR");
    std::string shown;
    test::run_coroutine([&]() -> boost::asio::awaitable<void> {
        auto const executor = co_await boost::asio::this_coro::executor;
        execasio::process tool = execasio::spawn(executor, on_terminal);
        shown = co_await tool.output().read_all();
        execasio::exit_record const how = co_await tool.wait();
        BOOST_TEST(how.success());
    });
    BOOST_TEST(contains(shown, "[1/1] "));
    BOOST_TEST(contains(shown, "\033[32m"));
}

BOOST_AUTO_TEST_CASE(exports_are_written)
{
    scratch_directory const directory;
    auto const result =
        run_tool(bench("-r", "6", "--export-csv", directory.file("csv"), "--export-markdown",
                       directory.file("md"), "--export-html", directory.file("html"), "-n", "first",
                       puppet_line("exit 0"), "--vs", puppet_line("exit 0")));
    BOOST_TEST(result.how.code() == 0);
    BOOST_TEST(directory.content("csv").starts_with("command,mean"));
    BOOST_TEST(contains(directory.content("md"), "| `first` | "));
    std::string const page = directory.content("html");
    BOOST_TEST(page.starts_with("<!DOCTYPE html>"));
    BOOST_TEST(page.ends_with("</html>\n"));
    BOOST_TEST(contains(page, "<title>pair 6: "));
}

BOOST_AUTO_TEST_SUITE_END()
