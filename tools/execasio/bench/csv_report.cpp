#include "bench/exporters.hpp"
#include "bench/statistics.hpp"

#include <charconv>
#include <ostream>

namespace execasio_tool::bench {
namespace {

std::string number(double value)
{
    char text[64];
    auto const end = std::to_chars(text, text + sizeof text, value).ptr;
    return {text, end};
}

std::string number_or_none(std::optional<double> const& value)
{
    return value ? number(*value) : "";
}

comparison const* comparison_of(report const& r, std::size_t index)
{
    for (comparison const& c : r.comparisons)
        if (c.measurement == index)
            return &c;
    return nullptr;
}

void write_row(std::ostream& out, std::vector<std::string> const& fields)
{
    for (std::size_t i = 0; i < fields.size(); ++i)
        out << (i == 0 ? "" : ",") << csv_field(fields[i]);
    out << "\r\n";
}

std::vector<std::string> fields_of(measurement const& m, comparison const* pairs)
{
    auto const mean = [&](double (*value)(sample const&)) {
        auto const values = values_of(m, value);
        return values.empty() ? "" : number(summarize(values).mean);
    };
    auto const median = [&](double (*value)(sample const&)) {
        auto const values = values_of(m, value);
        return values.empty() ? "" : number(median_of(values));
    };
    std::vector<std::string> fields{m.what.name};
    summary const wall = summarize(walls_of(m));
    if (wall.count == 0)
        fields.resize(8);
    else
        for (std::string const& field :
             {number(wall.mean), number_or_none(wall.deviation), number(wall.median),
              mean([](sample const& s) { return s.user; }),
              mean([](sample const& s) { return s.system; }), number(wall.minimum),
              number(wall.maximum)})
            fields.push_back(field);
    for (std::string const& field :
         {std::to_string(m.runs.size()), std::to_string(failures_of(m)),
          std::to_string(stopped_of(m)), number_or_none(peak_memory_of(m)),
          median([](sample const& s) { return static_cast<double>(s.voluntary_switches); }),
          median([](sample const& s) { return static_cast<double>(s.involuntary_switches); }),
          median([](sample const& s) { return static_cast<double>(s.minor_faults); }),
          median([](sample const& s) { return static_cast<double>(s.major_faults); })})
        fields.push_back(field);
    bool const bounded = pairs && pairs->wall_interval;
    fields.push_back(pairs ? number(pairs->wall) : "");
    fields.push_back(bounded ? number(pairs->wall_interval->lower) : "");
    fields.push_back(bounded ? number(pairs->wall_interval->upper) : "");
    for (auto const& parameter : m.what.parameters)
        fields.push_back(parameter.second);
    return fields;
}

} // namespace

std::string csv_field(std::string const& text)
{
    if (text.find_first_of(",\"\r\n") == std::string::npos)
        return text;
    std::string quoted = "\"";
    for (char const c : text)
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

void write_csv(std::ostream& out, report const& r)
{
    std::vector<std::string> head{"command",
                                  "mean",
                                  "stddev",
                                  "median",
                                  "user",
                                  "system",
                                  "min",
                                  "max",
                                  "runs",
                                  "failures",
                                  "stopped",
                                  "peak_memory_byte",
                                  "voluntary_context_switches",
                                  "involuntary_context_switches",
                                  "minor_page_faults",
                                  "major_page_faults",
                                  "ratio",
                                  "ratio_lower",
                                  "ratio_upper"};
    for (scan const& s : r.settings.scans)
        head.push_back("parameter_" + s.name);
    write_row(out, head);
    for (std::size_t const i : summary_order(r))
        write_row(out, fields_of(r.measurements[i], comparison_of(r, i)));
}

} // namespace execasio_tool::bench
