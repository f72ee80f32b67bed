#include "bench/exporters.hpp"
#include "bench/format.hpp"
#include "bench/words.hpp"

#include <chrono>

namespace execasio_tool::bench {

std::string ratio_text(double ratio, std::optional<interval> const& bounds)
{
    std::string text = in_ratio(ratio);
    if (bounds)
        text += " (" + in_ratio(bounds->lower) + " to " + in_ratio(bounds->upper) + ")";
    return text;
}

std::string verdict_text(comparison const& c, report const& r)
{
    std::string const& command = r.measurements[c.measurement].what.name;
    std::string const& reference = r.measurements[c.reference].what.name;
    if (!c.wall_interval)
        return "too few pairs to tell '" + command + "' from '" + reference + "'";
    verdict const v = verdict_of(c.wall_interval);
    if (v == verdict::undecided)
        return "no difference shown between '" + command + "' and '" + reference + "'";
    bool const slower = v == verdict::slower;
    // Twice as slow is easier to grasp than 100 % slower; the other way round as well.
    double const factor = slower ? c.wall : 1 / c.wall;
    std::string const how = factor >= 1.5
                                ? in_ratio(factor) + " times as " + (slower ? "slow as" : "fast as")
                                : in_percent(slower ? c.wall - 1 : 1 - c.wall) +
                                      (slower ? " more time than" : " less time than");
    return "'" + command + "' " + (factor >= 1.5 ? "is " : "takes ") + how + " '" + reference + "'";
}

std::string circumstances_text(report const& r)
{
    settings const& s = r.settings;
    std::string text;
    auto const add = [&](std::string const& part) { text += (text.empty() ? "" : ", ") + part; };
    if (s.paired)
        add(s.order == pair_order::abba ? std::string("turns in the order ABBA")
                                        : "turns in random order, seed " + std::to_string(s.seed));
    if (s.warmup != 0)
        add(count_of(s.warmup, "warm-up run", "warm-up runs"));
    if (s.shell.empty()) {
        add("no shell");
    } else {
        std::string words;
        for (std::string const& word : s.shell)
            words += (words.empty() ? "" : " ") + quoted(word);
        add("by " + words);
    }
    if (!s.cpus.empty()) {
        std::string cpus;
        for (unsigned const cpu : s.cpus)
            cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
        add("on CPU " + cpus);
    }
    if (s.input != "null")
        add("input from " + s.input);
    if (s.output != "null")
        add("output to " + s.output);
    if (s.time_limit)
        add("time limit " +
            format_for(std::chrono::duration<double>(*s.time_limit).count(), 0, s.unit)
                .with_unit(std::chrono::duration<double>(*s.time_limit).count()));
    if (s.ignore_failure)
        add("failures ignored");
    return text;
}

} // namespace execasio_tool::bench
