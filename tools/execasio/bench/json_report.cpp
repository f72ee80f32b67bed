#include "bench/exporters.hpp"
#include "bench/statistics.hpp"

#include <execasio/exit_record.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <ostream>

namespace execasio_tool::bench {
namespace {

namespace json = boost::json;

/// JSON is UTF-8; file names and arguments may be anything.
std::string utf8(std::string const& text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
        auto const byte = [&](std::size_t at) {
            return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
        };
        unsigned const first = byte(i);
        std::size_t const size = first < 0x80                    ? 1
                                 : first >= 0xc2 && first < 0xe0 ? 2
                                 : first >= 0xe0 && first < 0xf0 ? 3
                                 : first >= 0xf0 && first < 0xf5 ? 4
                                                                 : 0;
        bool valid = size != 0;
        for (std::size_t k = 1; k < size; ++k)
            valid = valid && (byte(i + k) & 0xc0) == 0x80;
        // Overlong forms, surrogates, and what lies above U+10FFFF.
        unsigned const second = byte(i + 1);
        valid = valid && !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second >= 0xa0) &&
                !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second >= 0x90);
        if (valid)
            result.append(text, i, size);
        else
            result += "\xef\xbf\xbd"; // U+FFFD
        i += valid ? size : 1;
    }
    return result;
}

template <class Value>
json::array list_of(measurement const& m, Value value)
{
    json::array list;
    for (sample const& s : m.runs)
        list.push_back(json::value(value(s)));
    return list;
}

json::object interval_object(double ratio, std::optional<interval> const& bounds)
{
    json::object o;
    o["ratio"] = ratio;
    if (bounds) {
        o["lower"] = bounds->lower;
        o["upper"] = bounds->upper;
        o["confidence"] = bounds->confidence;
    }
    return o;
}

json::object parameters_object(assignment const& parameters)
{
    json::object o;
    for (auto const& [name, value] : parameters)
        o[utf8(name)] = utf8(value);
    return o;
}

json::array texts(std::vector<std::string> const& list)
{
    json::array a;
    for (std::string const& text : list)
        a.push_back(json::string(utf8(text)));
    return a;
}

json::object result_object(measurement const& m, report const& r)
{
    json::object o;
    o["command"] = utf8(m.what.name);
    o["command_line"] = utf8(m.what.line);
    o["reference"] = m.what.is_reference;
    auto const walls = walls_of(m);
    summary const wall = summarize(walls);
    if (wall.count != 0) {
        o["mean"] = wall.mean;
        if (wall.deviation)
            o["stddev"] = *wall.deviation;
        else
            o["stddev"] = nullptr;
        o["median"] = wall.median;
        o["user"] = summarize(values_of(m, [](sample const& s) { return s.user; })).mean;
        o["system"] = summarize(values_of(m, [](sample const& s) { return s.system; })).mean;
        o["min"] = wall.minimum;
        o["max"] = wall.maximum;
        o["lower_quartile"] = wall.lower_quartile;
        o["upper_quartile"] = wall.upper_quartile;
    }
    if (auto const peak = peak_memory_of(m)) {
        o["peak_memory_byte"] = *peak;
        o["peak_memory_source"] = m.memory_run ? "run of its own" : "median of the runs";
    } else {
        o["peak_memory_byte"] = nullptr;
    }
    o["failures"] = failures_of(m);
    o["stopped_by_time_limit"] = stopped_of(m);
    o["times"] = list_of(m, [](sample const& s) { return s.wall; });
    o["user_times"] = list_of(m, [](sample const& s) { return s.user; });
    o["system_times"] = list_of(m, [](sample const& s) { return s.system; });
    // What is only a bound is no figure.
    o["memory_usage_byte"] = list_of(m, [](sample const& s) {
        return s.memory_exact ? json::value(s.peak_memory) : json::value(nullptr);
    });
    o["voluntary_context_switches"] =
        list_of(m, [](sample const& s) { return s.voluntary_switches; });
    o["involuntary_context_switches"] =
        list_of(m, [](sample const& s) { return s.involuntary_switches; });
    o["minor_page_faults"] = list_of(m, [](sample const& s) { return s.minor_faults; });
    o["major_page_faults"] = list_of(m, [](sample const& s) { return s.major_faults; });
    o["exit_codes"] = list_of(m, [](sample const& s) {
        execasio::exit_record const how(s.status, {}, {});
        return how.exited() ? json::value(how.code()) : json::value(nullptr);
    });
    o["signals"] = list_of(m, [](sample const& s) {
        execasio::exit_record const how(s.status, {}, {});
        return how.signaled() ? json::value(how.signal()) : json::value(nullptr);
    });
    o["stopped"] = list_of(m, [](sample const& s) { return s.stopped; });
    o["parameters"] = parameters_object(m.what.parameters);
    o["warnings"] = texts(warnings_about(m, r));
    return o;
}

json::object comparison_object(comparison const& c, report const& r)
{
    json::object o;
    o["command"] = utf8(r.measurements[c.measurement].what.name);
    o["reference"] = utf8(r.measurements[c.reference].what.name);
    o["parameters"] = parameters_object(r.measurements[c.measurement].what.parameters);
    o["method"] = "median of the ratios pair by pair; bounds: order statistics by the binomial "
                  "distribution";
    o["wall"] = interval_object(c.wall, c.wall_interval);
    if (c.cpu)
        o["cpu"] = interval_object(*c.cpu, c.cpu_interval);
    o["ratios"] = json::array(c.ratios.begin(), c.ratios.end());
    o["verdict"] = utf8(verdict_text(c, r));
    return o;
}

json::object environment_object(report const& r)
{
    json::object o;
    o["started"] = r.started;
    o["version"] = EXECASIO_VERSION;
    o["host"] = utf8(r.machine.host);
    o["kernel"] = utf8(r.machine.kernel);
    o["processor"] = utf8(r.machine.processor);
    o["cpus"] = r.machine.cpus;
    o["load"] = r.load;
    o["cpu_time_of_others"] = r.noise.others;
    o["cpu_time_stolen"] = r.noise.stolen;
    o["circumstances"] = utf8(circumstances_text(r));
    if (r.settings.paired && r.settings.order == pair_order::random)
        o["seed"] = r.settings.seed;
    if (r.cost) {
        json::object cost;
        cost["wall"] = r.cost->wall;
        cost["wall_least"] = r.cost->wall_least;
        cost["wall_95_percent_below"] = r.cost->wall_upper;
        cost["cpu"] = r.cost->cpu;
        cost["runs"] = r.cost->runs;
        o["own_cost"] = std::move(cost);
    }
    if (r.shell_start)
        o["shell_start"] = *r.shell_start;
    return o;
}

} // namespace

void write_json(std::ostream& out, report const& r)
{
    json::object o;
    json::array results;
    for (measurement const& m : r.measurements)
        results.push_back(result_object(m, r));
    json::array comparisons;
    for (comparison const& c : r.comparisons)
        comparisons.push_back(comparison_object(c, r));
    o["results"] = std::move(results);
    o["comparisons"] = std::move(comparisons);
    o["environment"] = environment_object(r);
    o["warnings"] = texts(warnings_about(r));
    o["failure"] = r.failure.empty() ? json::value(nullptr) : json::value(utf8(r.failure));
    o["interrupted_by_signal"] = r.signal == 0 ? json::value(nullptr) : json::value(r.signal);
    out << json::serialize(o) << '\n';
}

} // namespace execasio_tool::bench
