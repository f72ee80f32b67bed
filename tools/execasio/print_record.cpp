#include "print_record.hpp"

#include "duration.hpp"

#include <cstdio>

namespace execasio_tool {
namespace {

std::string in_mebibytes(std::size_t bytes)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1024 * 1024));
    return text;
}

std::string stage_text(execasio::stop_plan const& plan, std::size_t index)
{
    std::string const place =
        std::to_string(index + 1) + " of " + std::to_string(plan.stages().size() + 1);
    if (index >= plan.stages().size())
        return place + " (SIGKILL)";
    auto const& stage = plan.stages()[index];
    if (!stage.command && stage.signal == 0)
        return place + " (the terminal's signal)";
    return place + " (" + (stage.command ? "command" : execasio::signal_name(stage.signal)) + ")";
}

} // namespace

void print(std::ostream& out, execasio::exit_record const& record, execasio::stop_plan const& plan)
{
    out << "exit record\n"
        << "  ended        " << describe(record) << '\n'
        << "  cause        " << to_string(record.cause()) << '\n';
    if (auto const stage = record.stop_stage())
        out << "  stop stage   " << stage_text(plan, *stage) << '\n';
    out << "  wall time    " << in_seconds(record.wall_time()) << '\n'
        << "  CPU          " << in_seconds(record.user_time()) << " user, "
        << in_seconds(record.system_time()) << " system\n"
        << "  peak memory  " << (record.peak_memory_exact() ? "" : "at most ")
        << in_mebibytes(record.peak_memory()) << '\n';
}

} // namespace execasio_tool
