#include "bench/options.hpp"

#include "duration.hpp"

#include <boost/program_options/value_semantic.hpp>

#include <ostream>
#include <string>
#include <vector>

namespace execasio_tool::bench {
namespace {

namespace po = boost::program_options;

using text_list = std::vector<std::string>;

po::typed_value<std::string>* one(char const* name)
{
    return po::value<std::string>()->value_name(name);
}

po::typed_value<text_list>* several(char const* name)
{
    return po::value<text_list>()->composing()->value_name(name);
}

po::options_description runs()
{
    po::options_description known("How often");
    auto add = known.add_options();
    add("warmup,w", po::value<unsigned>()->value_name("N"), "first run each command N times (0)");
    add("min-runs,m", po::value<unsigned>()->value_name("N"), "at least N runs (10)");
    add("max-runs,M", po::value<unsigned>()->value_name("N"), "at most N runs");
    add("runs,r", po::value<unsigned>()->value_name("N"), "exactly N runs");
    add("time,t", po::value<duration>()->value_name("TIME"),
        "go on for that long with each command, if the numbers above allow (3s)");
    return known;
}

po::options_description comparing()
{
    po::options_description known("Comparison");
    auto add = known.add_options();
    add("vs", one("COMMAND"),
        "compare with this command, run by run: they take turns, and the ratio is that of each "
        "pair");
    add("order", one("abba|random"),
        "how they take turns: there and back again (abba), or shuffled in each round");
    add("seed", po::value<std::uint64_t>()->value_name("N"), "for --order random (1)");
    add("reference", one("COMMAND"), "compare with this command, which is run first");
    add("sort", one("auto|command|mean-time"), "the order of the summary");
    return known;
}

po::options_description parameters()
{
    // -P and -L take several words, which Boost.Program_options does not know: they are taken out
    // before it sees them (take_scans). Here for the help.
    po::options_description known("Parameters: {VAR} in a command stands for the value");
    auto add = known.add_options();
    add("parameter-scan,P", one("VAR MIN MAX"), "numbers from MIN to MAX");
    add("parameter-step-size,D", one("STEP"), "of the --parameter-scan before it (1)");
    add("parameter-list,L", one("VAR V1,V2"),
        "a list of values; several options: each combination");
    return known;
}

po::options_description around()
{
    po::options_description known("Around the runs, by a shell and not measured");
    auto add = known.add_options();
    add("setup,s", one("COMMAND"), "before the first run of each command");
    add("prepare,p", several("COMMAND"), "before each run; once, or once for each command");
    add("conclude,c", several("COMMAND"), "after each run; likewise");
    add("cleanup,C", one("COMMAND"), "after the last run of each command");
    return known;
}

po::options_description circumstances()
{
    po::options_description known("The command's surroundings");
    auto add = known.add_options();
    add("shell,S", one("SHELL"),
        "run the commands by this shell ('default': /bin/sh; 'none'). Without: the line is split "
        "into words by the shell's rules, and no shell is measured");
    add(",N", "the same as --shell none");
    add("input", one("null|FILE"), "standard input (null)");
    add("output", one("null|pipe|inherit|FILE"),
        "standard output and error (null); pipe: read and dropped");
    add("show-output", "the same as --output inherit");
    add("cpu", one("LIST"), "run the commands on these CPUs only, such as 1 or 0-3,6");
    add("time-limit", po::value<duration>()->value_name("TIME"), "stop a run that takes longer");
    add("grace", po::value<duration>()->value_name("TIME"),
        "from SIGTERM to SIGKILL when it is stopped (5s)");
    add("ignore-failure,i", "go on after a run that fails; it is counted and shown");
    return known;
}

po::options_description output()
{
    po::options_description known("The report");
    auto add = known.add_options();
    add("export-json", one("FILE"), "every run, and what comes of them");
    add("export-csv", one("FILE"), "a line for each command");
    add("export-markdown", one("FILE"), "a table");
    add("export-html", one("FILE"), "a page with plots, in one file");
    add("command-name,n", several("NAME"),
        "the name of a command in the report; the reference's comes last");
    add("time-unit,u", one("UNIT"), "microsecond, millisecond or second");
    add("style", one("STYLE"), "auto, basic, full, nocolor, color or none");
    add("help,h", "this text");
    return known;
}

} // namespace

po::options_description described_options()
{
    po::options_description all(100, 60);
    all.add(runs()).add(comparing()).add(parameters()).add(around());
    all.add(circumstances()).add(output());
    return all;
}

void print_help(std::ostream& out, po::options_description const& known)
{
    out << "execasio bench [OPTION...] COMMAND...\n\n"
           "Runs each COMMAND (a line, quoted as one word) again and again, and reports wall, user "
           "and system\ntime, peak memory, context switches, page faults and exit codes.\n"
        << known
        << "\nTimes are like 500ms, 2s, 1.5m. FILE may be '-': then the table goes to standard "
           "error.\n\n"
           "  execasio bench -w 3 'sort big.txt'\n"
           "  execasio bench 'new/tool input' --vs 'old/tool input' --export-html report.html\n"
           "  execasio bench -P threads 1 8 'make -j{threads}' --prepare 'make clean'\n\n"
           "The exit code is 0; 1 when a run failed (see -i); 130 after Ctrl-C, which ends the run "
           "and still\nreports; 125 when execasio itself failed. Method and meaning: "
           "docs/bench.md.\n";
}

} // namespace execasio_tool::bench
