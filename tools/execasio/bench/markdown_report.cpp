#include "bench/exporters.hpp"
#include "bench/format.hpp"
#include "bench/statistics.hpp"

#include <algorithm>
#include <ostream>

namespace execasio_tool::bench {
namespace {

/// One unit for the whole column, and the decimals of the steadiest command.
time_format column_format(report const& r)
{
    double typical = 0;
    double spread = 0;
    for (measurement const& m : r.measurements) {
        summary const s = summarize(values_of(m, [](sample const& one) { return one.wall; }));
        if (s.count == 0)
            continue;
        typical = typical == 0 ? s.median : std::min(typical, s.median);
        double const deviation = s.spread();
        spread = spread == 0 ? deviation : std::min(spread, deviation);
    }
    return format_for(typical, spread, r.settings.unit);
}

std::string relative_cell(report const& r, std::size_t index)
{
    for (comparison const& c : r.comparisons)
        if (c.measurement == index)
            return ratio_text(c.wall, c.wall_interval);
    auto const rel = relative_speed(r, index);
    return rel ? in_ratio(rel->ratio) : "";
}

} // namespace

std::string markdown_code(std::string const& text)
{
    std::size_t longest = 0;
    std::size_t run = 0;
    std::string escaped;
    for (char const c : text) {
        run = c == '`' ? run + 1 : 0;
        longest = std::max(longest, run);
        if (c == '|')
            escaped += '\\'; // ends a cell even within code
        escaped += c == '\n' ? ' ' : c;
    }
    // Fenced by more backquotes than there are inside, and a blank where one is at the edge.
    std::string const fence(longest + 1, '`');
    std::string const blank = longest != 0 ? " " : "";
    return fence + blank + escaped + blank + fence;
}

void write_markdown(std::ostream& out, report const& r)
{
    time_format const f = column_format(r);
    out << "| Command |";
    for (scan const& parameter : r.settings.scans)
        out << " " << markdown_code(parameter.name) << " |";
    out << " Median [" << f.name << "] | Mean [" << f.name << "] | Min [" << f.name << "] | Max ["
        << f.name << "] | User [" << f.name << "] | System [" << f.name
        << "] | Memory | Runs | Failed | Relative |\n"
        << "|:---|";
    for (std::size_t i = 0; i < r.settings.scans.size(); ++i)
        out << "---:|";
    out << "---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    for (std::size_t const i : summary_order(r)) {
        measurement const& m = r.measurements[i];
        summary const s = summarize(values_of(m, [](sample const& one) { return one.wall; }));
        out << "| " << markdown_code(m.what.name) << " | ";
        for (auto const& parameter : m.what.parameters)
            out << markdown_code(parameter.second) << " | ";
        if (s.count == 0) {
            out << "| | | | | | | ";
        } else {
            auto const peak = peak_memory_of(m);
            out << f(s.median) << " | " << f(s.mean) << (s.deviation ? " ± " + f(*s.deviation) : "")
                << " | " << f(s.minimum) << " | " << f(s.maximum) << " | "
                << f(summarize(values_of(m, [](sample const& x) { return x.user; })).median)
                << " | "
                << f(summarize(values_of(m, [](sample const& x) { return x.system; })).median)
                << " | " << (peak ? in_bytes(*peak) : "unknown") << " | ";
        }
        out << m.runs.size() << " | " << failures_of(m) << " | " << relative_cell(r, i) << " |\n";
    }
    for (comparison const& c : r.comparisons)
        out << "\n"
            << verdict_text(c, r) << ": wall " << ratio_text(c.wall, c.wall_interval) << ", "
            << count_of(c.ratios.size(), "pair", "pairs") << ".\n";
    for (measurement const& m : r.measurements)
        for (std::string const& text : warnings_about(m, r))
            out << "\n- " << markdown_code(m.what.name) << ": " << text << "\n";
    for (std::string const& text : warnings_about(r))
        out << "\n- " << text << "\n";
    if (r.signal != 0)
        out << "\n**Interrupted: not all was measured.**\n";
    if (!r.failure.empty())
        out << "\n**Failed:** " << r.failure << "\n";
}

} // namespace execasio_tool::bench
