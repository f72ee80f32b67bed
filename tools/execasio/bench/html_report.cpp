#include "bench/exporters.hpp"
#include "bench/format.hpp"
#include "bench/html_style.hpp"
#include "bench/plots.hpp"
#include "bench/statistics.hpp"
#include "bench/svg.hpp"

#include <execasio/exit_record.hpp>

#include <ostream>

namespace execasio_tool::bench {
namespace {

class page_writer {
public:
    page_writer(std::ostream& out, report const& r) : out_(out), report_(r) {}

    void write()
    {
        head();
        ending();
        table();
        for (comparison const& c : report_.comparisons)
            pairs(c);
        plot("Along " + (report_.settings.scans.empty() ? "" : report_.settings.scans[0].name),
             scan_plot(report_),
             "Lines join the medians; the bars are the middle half of the runs.");
        plot("Distribution of the runs", distribution_plot(report_),
             "Each dot is a run. The box is the middle half, the line in it the median.");
        for (std::size_t i = 0; i < report_.measurements.size(); ++i)
            details(report_.measurements[i], i);
        method();
        out_ << "</main></body></html>\n";
    }

private:
    void head()
    {
        out_ << "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                // Nothing may be fetched from anywhere, whatever the names of commands contain.
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "style-src 'unsafe-inline'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<title>"
             << html_text(title()) << "</title>\n<style>" << html_style
             << "</style></head><body><main>\n<h1>" << html_text(title())
             << "</h1>\n<p class=\"soft\">"
             << html_text(report_.started + " · " + report_.machine.processor + ", " +
                          count_of(report_.machine.cpus, "CPU", "CPUs") + " · " +
                          report_.machine.kernel + " · " + circumstances_text(report_))
             << "</p>\n";
    }

    [[nodiscard]] std::string title() const
    {
        if (report_.measurements.size() == 1)
            return "Benchmark of " + short_name(report_.measurements[0].what.name, 60);
        return "Benchmark of " + count_of(report_.measurements.size(), "command", "commands");
    }

    void ending()
    {
        if (report_.failure.empty() && report_.signal == 0)
            return;
        out_ << "<section class=\"failure\"><h2>Not all was measured</h2><p>"
             << html_text(report_.failure.empty()
                              ? "Interrupted by " + execasio::signal_name(report_.signal) + "."
                              : report_.failure)
             << "</p></section>\n";
    }

    void notes(std::vector<std::string> const& texts)
    {
        if (texts.empty())
            return;
        out_ << "<ul class=\"notes\">";
        for (std::string const& text : texts)
            out_ << "<li>" << html_text(text) << "</li>";
        out_ << "</ul>\n";
    }

    void table()
    {
        out_ << "<section><h2>Summary</h2><div class=\"scroll\"><table><thead><tr><th>Command</th>";
        for (scan const& parameter : report_.settings.scans)
            out_ << "<th>" << html_text(parameter.name) << "</th>";
        out_ << "<th>Median</th><th>Mean ± sd</th><th>Min … max</th><th>CPU</th><th>Memory</th>"
                "<th>Runs</th><th>Failed</th><th>Relative</th></tr></thead><tbody>\n";
        for (std::size_t const i : summary_order(report_))
            row(i);
        out_ << "</tbody></table></div>\n<p class=\"soft\">Times are wall times; CPU is the median "
                "of user plus system time, memory the peak. Relative: ratio of the median wall "
                "times, "
             << (report_.settings.reference ? "to the reference's" : "to the fastest one's")
             << ".</p>\n";
        notes(warnings_about(report_));
        out_ << "</section>\n";
    }

    void row(std::size_t index)
    {
        measurement const& m = report_.measurements[index];
        summary const s = summarize(walls_of(m));
        out_ << "<tr><td class=\"" << series_of(index) << "\"><span class=\"key\"></span><code>"
             << html_text(m.what.name) << "</code></td>";
        for (auto const& parameter : m.what.parameters)
            cell(parameter.second);
        if (s.count == 0) {
            out_ << "<td>–</td><td>–</td><td>–</td><td>–</td><td>–</td>";
        } else {
            time_format const f = format_for(s.median, s.spread(), report_.settings.unit);
            cell(f.with_unit(s.median));
            cell(f(s.mean) + (s.deviation ? " ± " + f(*s.deviation) : "") + " " + f.name);
            cell(f(s.minimum) + " … " + f(s.maximum) + " " + f.name);
            cell(time_text(values_of(m, [](sample const& one) { return one.cpu(); })));
            auto const peak = peak_memory_of(m);
            cell(peak ? in_bytes(*peak) : "unknown");
        }
        cell(std::to_string(m.runs.size()));
        std::size_t const failed = failures_of(m);
        out_ << (failed != 0 ? "<td class=\"bad\">" : "<td>") << failed << "</td>";
        auto const rel = relative_speed(report_, index);
        cell(rel ? in_ratio(rel->ratio) : "–");
        out_ << "</tr>\n";
    }

    [[nodiscard]] std::string time_text(std::vector<double> const& values) const
    {
        summary const s = summarize(values);
        return format_for(s.median, s.spread(), report_.settings.unit).with_unit(s.median);
    }

    void cell(std::string const& text) { out_ << "<td>" << html_text(text) << "</td>"; }

    [[nodiscard]] std::string series_of(std::size_t index) const
    {
        return series_style(
            report_.settings.scans.empty() ? index : report_.measurements[index].what.command);
    }

    void pairs(comparison const& c)
    {
        static constexpr char const* classes[] = {"", " faster", " slower"};
        auto const& parameters = report_.measurements[c.measurement].what.parameters;
        out_ << "<section><h2>Pair by pair"
             << (parameters.empty() ? "" : ": " + html_text(to_text(parameters)))
             << "</h2><p class=\"verdict" << classes[static_cast<int>(verdict_of(c.wall_interval))]
             << "\">" << html_text(verdict_text(c, report_)) << "</p><p>Ratio of the wall times "
             << "(95 % interval): <b>" << html_text(ratio_text(c.wall, c.wall_interval)) << "</b>";
        if (c.cpu)
            out_ << "; of the CPU times: <b>" << html_text(ratio_text(*c.cpu, c.cpu_interval))
                 << "</b>";
        out_ << "; " << count_of(c.ratios.size(), "pair", "pairs") << ".</p>\n"
             << "<div class=\"scroll\">" << ratio_plot(c, report_) << "</div></section>\n";
    }

    void plot(std::string const& name, std::string const& drawing, std::string const& legend)
    {
        if (!drawing.empty())
            out_ << "<section><h2>" << html_text(name) << "</h2><p class=\"soft\">"
                 << html_text(legend) << "</p>\n<div class=\"scroll\">" << drawing
                 << "</div></section>\n";
    }

    void details(measurement const& m, std::size_t index)
    {
        std::size_t const series = report_.settings.scans.empty() ? index : m.what.command;
        out_ << "<section><h3>" << html_text(m.what.name) << "</h3><p class=\"soft\">";
        if (m.what.name != m.what.line)
            out_ << "<code>" << html_text(m.what.line) << "</code><br>";
        if (!m.runs.empty())
            out_ << html_text(counts_text(m));
        out_ << "</p>\n<div class=\"two\">" << histogram_plot(m, report_, series)
             << sequence_plot(m, report_, series) << "</div>\n";
        notes(warnings_about(m, report_));
        out_ << "</section>\n";
    }

    [[nodiscard]] std::string counts_text(measurement const& m) const
    {
        auto const median = [&](double (*value)(sample const&)) {
            return fixed(median_of(values_of(m, value)), 0);
        };
        std::vector<int> statuses;
        for (sample const& s : m.runs)
            statuses.push_back(s.status);
        return count_of(m.runs.size(), "run", "runs") + ": " + describe_statuses(statuses) +
               ". Medians: user time " +
               time_text(values_of(m, [](sample const& s) { return s.user; })) + ", system time " +
               time_text(values_of(m, [](sample const& s) { return s.system; })) +
               ", voluntary context switches " +
               median([](sample const& s) { return static_cast<double>(s.voluntary_switches); }) +
               ", forced ones " +
               median([](sample const& s) { return static_cast<double>(s.involuntary_switches); }) +
               ", minor page faults " +
               median([](sample const& s) { return static_cast<double>(s.minor_faults); }) +
               ", major ones " +
               median([](sample const& s) { return static_cast<double>(s.major_faults); }) + ".";
    }

    void method()
    {
        out_ << "<section><h2>Method</h2><p>Wall time is from just before the launch to the reap; "
                "user and system time, memory, switches and faults are those of the process and of "
                "the descendants that it waited for.";
        if (report_.cost) {
            time_format const f = format_for(report_.cost->wall, 0, time_unit::microsecond);
            out_ << " A child that exits at once takes "
                 << html_text(f.with_unit(report_.cost->wall)) << " (least "
                 << html_text(f.with_unit(report_.cost->wall_least)) << ", 95 % below "
                 << html_text(f.with_unit(report_.cost->wall_upper)) << "), with "
                 << html_text(f.with_unit(report_.cost->cpu))
                 << " of CPU time of the measuring program itself: its own cost of a run, which is "
                    "not subtracted.";
        }
        if (!report_.comparisons.empty())
            out_ << " Compared commands take turns; the ratio is the median of those of the single "
                    "pairs, and its interval the narrowest pair of order statistics that encloses "
                    "the true median with at least 95 % by the binomial distribution.";
        out_ << " Outliers: modified Z-score above 3.5.</p><p "
                "class=\"soft\">execasio " EXECASIO_VERSION
             << " on " << html_text(report_.machine.host) << "</p></section>\n";
    }

    std::ostream& out_;
    report const& report_;
};

} // namespace

std::string html_text(std::string const& text)
{
    std::string escaped;
    escaped.reserve(text.size());
    for (char const c : text)
        switch (c) {
        case '&': escaped += "&amp;"; break;
        case '<': escaped += "&lt;"; break;
        case '>': escaped += "&gt;"; break;
        case '"': escaped += "&quot;"; break;
        case '\'': escaped += "&#39;"; break;
        default: escaped += c;
        }
    return escaped;
}

void write_html(std::ostream& out, report const& r)
{
    page_writer(out, r).write();
}

} // namespace execasio_tool::bench
