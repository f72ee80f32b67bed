#include "bench/settings.hpp"

#include "bench/options.hpp"
#include "bench/words.hpp"
#include "duration.hpp"

#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <stdexcept>

#include <sched.h>

namespace execasio_tool::bench {
namespace {

namespace po = boost::program_options;

/// Takes the options of parameters out of the arguments: each is followed by several words.
std::vector<scan> take_scans(std::vector<std::string>& arguments)
{
    struct range {
        std::string name, first, last, step;
    };
    std::vector<scan> scans;
    std::optional<range> open; // waits for a step that may follow
    auto const finish = [&] {
        if (open)
            scans.push_back(parse_range(open->name, open->first, open->last, open->step));
        open.reset();
    };
    std::vector<std::string> rest;
    for (auto at = arguments.begin(); at != arguments.end();) {
        std::string const option = *at;
        auto const words = [&](std::ptrdiff_t count) {
            if (arguments.end() - at <= count)
                throw std::invalid_argument(option + " wants " + std::to_string(count) +
                                            (count == 1 ? " word" : " words") + " after it");
            auto const first = at + 1;
            at = first + count;
            return first;
        };
        if (option == "--") {
            rest.insert(rest.end(), at, arguments.end());
            break;
        }
        if (option == "-P" || option == "--parameter-scan") {
            finish();
            auto const w = words(3);
            open = range{w[0], w[1], w[2], "1"};
        } else if (option == "-D" || option == "--parameter-step-size") {
            auto const w = words(1);
            if (!open)
                throw std::invalid_argument(option + " comes after a --parameter-scan");
            open->step = w[0];
        } else if (option == "-L" || option == "--parameter-list") {
            finish();
            auto const w = words(2);
            scans.push_back(parse_list(w[0], w[1]));
        } else {
            rest.push_back(*at++);
        }
    }
    finish();
    arguments = std::move(rest);
    return scans;
}

/// One of a few words.
template <class Value>
Value choice(std::string const& option, std::string const& given,
             std::vector<std::pair<char const*, Value>> const& known)
{
    std::string names;
    for (auto const& [name, value] : known) {
        if (given == name)
            return value;
        names += (names.empty() ? "" : ", ") + std::string(name);
    }
    throw std::invalid_argument("--" + option + " " + given + ": it is one of " + names);
}

class reader {
public:
    explicit reader(po::variables_map const& given) : given_(given) {}

    [[nodiscard]] bool has(char const* name) const { return given_.count(name) != 0; }

    template <class T>
    [[nodiscard]] T get(char const* name) const
    {
        return given_[name].as<T>();
    }

    template <class T, class To>
    void read(char const* name, To& to) const
    {
        if (has(name))
            to = get<T>(name);
    }

    template <class Value>
    void choose(char const* name, Value& to,
                std::vector<std::pair<char const*, Value>> const& known) const
    {
        if (has(name))
            to = choice(name, get<std::string>(name), known);
    }

private:
    po::variables_map const& given_;
};

void read_runs(reader const& given, settings& s)
{
    given.read<unsigned>("warmup", s.warmup);
    given.read<unsigned>("min-runs", s.min_runs);
    given.read<unsigned>("max-runs", s.max_runs);
    if (given.has("runs")) {
        if (given.has("min-runs") || given.has("max-runs") || given.has("time"))
            throw std::invalid_argument("--runs leaves nothing for --min-runs, --max-runs, --time");
        s.min_runs = given.get<unsigned>("runs");
        s.max_runs = s.min_runs;
    }
    if (s.max_runs && !given.has("min-runs"))
        s.min_runs = std::min(s.min_runs, *s.max_runs);
    // What is written with a minus sign arrives as a very large number.
    constexpr unsigned most = 10'000'000;
    if (s.warmup > most || s.min_runs > most || s.max_runs.value_or(0) > most)
        throw std::invalid_argument("a number of runs is from 1 to 10 million (0 for --warmup)");
    if (s.min_runs == 0 || s.max_runs == 0U)
        throw std::invalid_argument("0 runs measure nothing: 1 at least");
    if (s.max_runs && *s.max_runs < s.min_runs)
        throw std::invalid_argument("--max-runs is below --min-runs");
    if (given.has("time"))
        s.min_time = given.get<duration>("time").value;
}

void read_comparison(reader const& given, settings& s)
{
    if (given.has("vs") && given.has("reference"))
        throw std::invalid_argument("--vs and --reference both name what is compared with");
    s.paired = given.has("vs");
    given.read<std::string>("vs", s.reference);
    given.read<std::string>("reference", s.reference);
    given.choose<pair_order>("order", s.order,
                             {{"abba", pair_order::abba}, {"random", pair_order::random}});
    given.read<std::uint64_t>("seed", s.seed);
    given.choose<sort_order>("sort", s.sort,
                             {{"auto", sort_order::automatic},
                              {"command", sort_order::command},
                              {"mean-time", sort_order::mean}});
}

void read_circumstances(reader const& given, settings& s)
{
    given.read<std::string>("setup", s.setup);
    given.read<std::vector<std::string>>("prepare", s.prepare);
    given.read<std::vector<std::string>>("conclude", s.conclude);
    given.read<std::string>("cleanup", s.cleanup);
    if (given.has("shell") && given.get<std::string>("shell") != "none") {
        std::string const shell = given.get<std::string>("shell");
        s.shell = split_words(shell == "default" ? "/bin/sh" : shell);
        s.shell.emplace_back("-c");
    }
    if (given.has("-N"))
        s.shell.clear();
    given.read<std::string>("input", s.input);
    given.read<std::string>("output", s.output);
    if (given.has("show-output"))
        s.output = "inherit";
    if (given.has("cpu"))
        s.cpus = parse_cpus(given.get<std::string>("cpu"));
    if (given.has("time-limit"))
        s.time_limit = given.get<duration>("time-limit").value;
    if (given.has("grace"))
        s.plan.grace(given.get<duration>("grace").value);
    s.ignore_failure = given.has("ignore-failure");
}

void read_report(reader const& given, settings& s)
{
    constexpr std::pair<char const*, format> files[] = {{"export-json", format::json},
                                                        {"export-csv", format::csv},
                                                        {"export-markdown", format::markdown},
                                                        {"export-html", format::html}};
    for (auto const& [name, kind] : files)
        if (given.has(name))
            s.exports.push_back({kind, given.get<std::string>(name)});
    auto const to_output = [](auto const& e) { return e.path == "-"; };
    if (std::count_if(s.exports.begin(), s.exports.end(), to_output) > 1)
        throw std::invalid_argument("only one export can go to standard output (-)");
    given.read<std::vector<std::string>>("command-name", s.names);
    given.choose<time_unit>("time-unit", s.unit,
                            {{"microsecond", time_unit::microsecond},
                             {"millisecond", time_unit::millisecond},
                             {"second", time_unit::second}});
    given.choose<style>("style", s.style,
                        {{"auto", style::automatic},
                         {"basic", style::basic},
                         {"full", style::full},
                         {"nocolor", style::nocolor},
                         {"color", style::color},
                         {"none", style::none}});
}

/// What can be said before anything is run.
void check(settings const& s)
{
    if (s.commands.empty())
        throw std::invalid_argument("a command is missing; see execasio bench --help");
    std::size_t const count = s.commands.size() + (s.reference ? 1 : 0);
    if (s.names.size() > count)
        throw std::invalid_argument("there are more names than commands");
    for (auto const* list : {&s.prepare, &s.conclude})
        if (list->size() > 1 && list->size() != count)
            throw std::invalid_argument("--prepare and --conclude: one for all commands or one for "
                                        "each (the reference's is the first)");
    for (scan const& one : s.scans) {
        std::string const place = "{" + one.name + "}";
        auto const mentions = [&](std::string const& line) {
            return line.find(place) != std::string::npos;
        };
        bool const in_reference = s.reference && mentions(*s.reference);
        if (!in_reference && std::none_of(s.commands.begin(), s.commands.end(), mentions))
            throw std::invalid_argument("no command mentions the parameter " + place);
        auto const same_name = [&](scan const& other) { return other.name == one.name; };
        if (std::count_if(s.scans.begin(), s.scans.end(), same_name) > 1)
            throw std::invalid_argument("the parameter " + place + " is given twice");
    }
}

} // namespace

std::vector<unsigned> parse_cpus(std::string const& text)
{
    auto const bad = [&] {
        return std::invalid_argument("'" + text + "' is no list of CPUs, such as 1 or 0-3,6");
    };
    std::vector<unsigned> cpus;
    char const* at = text.data();
    char const* const end = at + text.size();
    auto const number = [&] {
        unsigned value = 0;
        auto const [next, error] = std::from_chars(at, end, value);
        if (error != std::errc() || value >= CPU_SETSIZE)
            throw bad();
        at = next;
        return value;
    };
    for (;;) {
        unsigned const first = number();
        unsigned last = first;
        if (at != end && *at == '-') {
            ++at;
            last = number();
        }
        for (unsigned cpu = first; cpu <= last; ++cpu)
            cpus.push_back(cpu);
        if (at == end && !cpus.empty())
            return cpus;
        if (at == end || *at++ != ',')
            throw bad();
    }
}

std::optional<settings> parse_settings(std::vector<std::string> arguments)
{
    po::options_description const visible = described_options();
    if (std::any_of(arguments.begin(), arguments.end(),
                    [](auto const& word) { return word == "--help" || word == "-h"; })) {
        print_help(std::cout, visible);
        return std::nullopt;
    }
    settings s;
    s.scans = take_scans(arguments);

    po::options_description known;
    known.add(visible);
    known.add_options()("command", po::value<std::vector<std::string>>());
    po::positional_options_description commands;
    commands.add("command", -1);
    po::variables_map map;
    po::store(
        po::command_line_parser(arguments)
            .options(known)
            .positional(commands)
            .style(po::command_line_style::unix_style ^ po::command_line_style::allow_guessing)
            .run(),
        map);
    po::notify(map);

    reader const given(map);
    given.read<std::vector<std::string>>("command", s.commands);
    read_runs(given, s);
    read_comparison(given, s);
    read_circumstances(given, s);
    read_report(given, s);
    check(s);
    return s;
}

} // namespace execasio_tool::bench
