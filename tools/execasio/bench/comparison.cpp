#include "bench/comparison.hpp"

#include <algorithm>

namespace execasio_tool::bench {
namespace {

/// The ratios of all pairs in which both values count.
std::vector<double> ratios_of(measurement const& command, measurement const& reference,
                              double (*value)(sample const&))
{
    std::vector<double> ratios;
    // An interrupt may have come in the middle of a round.
    std::size_t const pairs = std::min(command.runs.size(), reference.runs.size());
    for (std::size_t i = 0; i < pairs; ++i) {
        sample const& a = command.runs[i];
        sample const& b = reference.runs[i];
        if (!a.stopped && !b.stopped && value(b) > 0)
            ratios.push_back(value(a) / value(b));
    }
    return ratios;
}

} // namespace

std::optional<comparison> compare_pairs(std::vector<measurement> const& all, std::size_t command,
                                        std::size_t reference)
{
    comparison c;
    c.measurement = command;
    c.reference = reference;
    c.ratios = ratios_of(all[command], all[reference], [](sample const& s) { return s.wall; });
    if (c.ratios.empty())
        return std::nullopt;
    c.wall = median_of(c.ratios);
    c.wall_interval = median_interval(c.ratios, comparison_confidence);
    auto const cpu =
        ratios_of(all[command], all[reference], [](sample const& s) { return s.cpu(); });
    if (cpu.size() == c.ratios.size()) {
        c.cpu = median_of(cpu);
        c.cpu_interval = median_interval(cpu, comparison_confidence);
    }
    return c;
}

verdict verdict_of(std::optional<interval> const& ratio)
{
    if (ratio && ratio->upper < 1)
        return verdict::faster;
    if (ratio && ratio->lower > 1)
        return verdict::slower;
    return verdict::undecided;
}

} // namespace execasio_tool::bench
