#include "bench/exporters.hpp"
#include "bench/format.hpp"
#include "bench/plots.hpp"
#include "bench/statistics.hpp"

#include <execasio/exit_record.hpp>

#include <algorithm>
#include <array>
#include <ostream>

namespace execasio_tool::bench {
namespace {

constexpr char indent[] = "  ";

/// Columns count characters, which in UTF-8 may be several bytes.
std::size_t width_of(std::string const& text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string padded(std::string const& text, std::size_t width, bool right)
{
    std::string const blanks(width - std::min(width, width_of(text)), ' ');
    return right ? blanks + text : text + blanks;
}

class table_writer {
public:
    table_writer(std::ostream& out, report const& r, bool colored)
        : out_(out),
          report_(r),
          colored_(colored)
    {
    }

    void write()
    {
        for (std::size_t i = 0; i < report_.measurements.size(); ++i)
            one(report_.measurements[i]);
        summary_of_all();
        pairs();
        notes();
    }

private:
    [[nodiscard]] std::string paint(char const* code, std::string const& text) const
    {
        return colored_ ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
    }

    void warn(std::string const& text) { out_ << indent << paint("33", "Note: ") << text << '\n'; }

    void one(measurement const& m)
    {
        out_ << paint("1", m.what.name);
        if (!m.what.parameters.empty())
            out_ << paint("2", "  [" + to_text(m.what.parameters) + "]");
        out_ << "  " << paint("2", count_of(m.runs.size(), "run", "runs")) << '\n';
        if (m.runs.size() > stopped_of(m)) {
            out_ << indent << padded("", 8, false) << padded("median", 12, true)
                 << padded("mean ± sd", 22, true) << padded("min … max", 24, true) << '\n';
            times("wall", values_of(m, [](sample const& s) { return s.wall; }));
            times("CPU", values_of(m, [](sample const& s) { return s.cpu(); }));
            times("user", values_of(m, [](sample const& s) { return s.user; }));
            times("system", values_of(m, [](sample const& s) { return s.system; }));
            counts(m);
        }
        if (failures_of(m) == 0 && !m.runs.empty())
            out_ << indent << "exit code 0, all runs\n";
        for (std::string const& text : warnings_about(m, report_))
            warn(text);
        out_ << '\n';
    }

    void times(char const* label, std::vector<double> values)
    {
        summary const s = summarize(std::move(values));
        time_format const f = format_for(s.median, s.spread(), report_.settings.unit);
        std::string const deviation = s.deviation ? " ± " + f(*s.deviation) : "";
        out_ << indent << padded(label, 8, false)
             << paint("32", padded(f.with_unit(s.median), 12, true))
             << padded(f(s.mean) + deviation + " " + f.name, 22, true)
             << padded(f(s.minimum) + " … " + f(s.maximum) + " " + f.name, 24, true) << '\n';
    }

    void counts(measurement const& m)
    {
        auto const median = [&](double (*value)(sample const&)) {
            return fixed(median_of(values_of(m, value)), 0);
        };
        std::string memory = "unknown";
        if (auto const peak = peak_memory_of(m))
            memory = in_bytes(*peak) + (m.memory_run ? " (by a run of its own)" : "");
        out_ << indent << "peak memory " << memory << "; medians of context switches: "
             << median([](sample const& s) { return static_cast<double>(s.voluntary_switches); })
             << " voluntary, "
             << median([](sample const& s) { return static_cast<double>(s.involuntary_switches); })
             << " forced; of page faults: "
             << median([](sample const& s) { return static_cast<double>(s.minor_faults); })
             << " minor, "
             << median([](sample const& s) { return static_cast<double>(s.major_faults); })
             << " major\n";
    }

    void summary_of_all()
    {
        if (report_.measurements.size() < 2)
            return;
        std::size_t widest = 10;
        for (measurement const& m : report_.measurements)
            widest = std::max(widest, width_of(label(m)));
        out_ << paint("1", "Summary") << paint("2", " (median wall time)") << '\n';
        for (std::size_t const i : summary_order(report_)) {
            measurement const& m = report_.measurements[i];
            out_ << indent << padded(label(m), widest, false);
            summary const s = summarize(values_of(m, [](sample const& one) { return one.wall; }));
            if (s.count == 0) {
                out_ << "  not measured\n";
                continue;
            }
            time_format const f = format_for(s.median, s.spread(), report_.settings.unit);
            out_ << paint("32", padded(f.with_unit(s.median), 14, true));
            if (auto const rel = relative_speed(report_, i))
                out_ << (rel->to == i ? std::string(report_.settings.reference ? "   reference"
                                                                               : "   fastest")
                                      : "   " + in_ratio(rel->ratio) + " times");
            if (std::size_t const failed = failures_of(m))
                out_ << paint("31", "   " + std::to_string(failed) + " failed");
            out_ << '\n';
        }
        out_ << '\n';
    }

    static std::string label(measurement const& m) { return m.what.name; }

    void pairs()
    {
        if (report_.comparisons.empty())
            return;
        out_ << paint("1", "Pair by pair")
             << paint("2", " (median ratio, and between which bounds it lies with 95 % confidence)")
             << '\n';
        for (comparison const& c : report_.comparisons) {
            char const* const color =
                verdict_of(c.wall_interval) == verdict::undecided ? "33" : "32";
            out_ << indent << paint(color, verdict_text(c, report_)) << '\n'
                 << indent << indent << "wall " << ratio_text(c.wall, c.wall_interval);
            if (c.cpu)
                out_ << ", CPU " << ratio_text(*c.cpu, c.cpu_interval);
            out_ << "; " << count_of(c.ratios.size(), "pair", "pairs");
            auto const& parameters = report_.measurements[c.measurement].what.parameters;
            if (!parameters.empty())
                out_ << "; " << to_text(parameters);
            out_ << '\n';
        }
        out_ << '\n';
    }

    void notes()
    {
        for (std::string const& text : warnings_about(report_))
            out_ << paint("33", "Note: ") << text << '\n';
        out_ << paint("2", "Measured: " + circumstances_text(report_) + ".") << '\n';
        if (report_.cost) {
            auto const& c = *report_.cost;
            time_format const f = format_for(c.wall, 0, time_unit::microsecond);
            out_ << paint("2", "Own cost of a run, with a child that exits at once: " +
                                   f.with_unit(c.wall) + " from launch to reap (least " +
                                   f.with_unit(c.wall_least) + ", 95 % below " +
                                   f.with_unit(c.wall_upper) + "), of it " + f.with_unit(c.cpu) +
                                   " of this program's CPU time. Nothing is subtracted.")
                 << '\n';
        } else if (report_.failure.empty()) { // which is then why
            out_
                << paint(
                       "2",
                       "Own cost of a run: not measured (execasio-gauge is missing or cannot run).")
                << '\n';
        }
        if (report_.signal != 0)
            out_ << paint("31", "Interrupted by " + execasio::signal_name(report_.signal) +
                                    ": not all was measured.")
                 << '\n';
        if (!report_.failure.empty())
            out_ << paint("31", "Failed: ") << report_.failure << '\n';
    }

    std::ostream& out_;
    report const& report_;
    bool colored_;
};

} // namespace

void write_table(std::ostream& out, report const& r, bool colored)
{
    table_writer(out, r, colored).write();
}

} // namespace execasio_tool::bench
