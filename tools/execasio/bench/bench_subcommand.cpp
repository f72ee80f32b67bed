#include "bench/affinity.hpp"
#include "bench/exporters.hpp"
#include "bench/interrupts.hpp"
#include "bench/plan.hpp"
#include "bench/progress.hpp"
#include "bench/session.hpp"
#include "subcommand.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <system_error>

#include <unistd.h>

namespace execasio_tool {
namespace bench {
namespace {

std::string local_time()
{
    std::time_t const now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &parts)};
}

[[noreturn]] void throw_errno(std::string const& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

/// A file that cannot be written is learnt before an hour of measuring, not after it.
void check_writable(std::vector<export_file> const& files)
{
    for (export_file const& file : files)
        if (file.path != "-" && !std::ofstream(file.path, std::ios::app))
            throw_errno("cannot write " + file.path);
}

void write_export(export_file const& file, report const& r)
{
    std::ostringstream text;
    switch (file.kind) {
    case format::json: write_json(text, r); break;
    case format::csv: write_csv(text, r); break;
    case format::markdown: write_markdown(text, r); break;
    case format::html: write_html(text, r); break;
    }
    if (file.path == "-") {
        std::cout << text.str() << std::flush;
        return;
    }
    std::ofstream to(file.path, std::ios::trunc);
    to << text.str();
    to.close();
    if (!to)
        throw_errno("cannot write " + file.path);
}

void show(report const& r)
{
    style const s = r.settings.style;
    if (s == style::none)
        return;
    bool exported_there = false;
    for (export_file const& file : r.settings.exports)
        exported_there = exported_there || file.path == "-";
    std::ostream& out = exported_there ? std::cerr : std::cout;
    bool const terminal = ::isatty(exported_there ? STDERR_FILENO : STDOUT_FILENO) != 0;
    bool const colored = s == style::full || s == style::color ||
                         (s == style::automatic && terminal && !std::getenv("NO_COLOR"));
    write_table(out, r, colored);
    out << std::flush;
}

void measure(report& r, std::vector<turn_group> plan)
{
    std::size_t benchmarks = 0;
    for (turn_group const& group : plan)
        benchmarks += group.size();
    asio::io_context context(1);
    interrupts watching(context.get_executor(), r.settings.plan);
    progress shown(r.settings.style, benchmarks);
    session work(r, std::move(plan), watching, shown);
    std::exception_ptr failure;
    asio::co_spawn(context, work.run(), [&](std::exception_ptr e) {
        failure = e;
        watching.close();
    });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace
} // namespace bench

int bench_subcommand(std::vector<std::string> const& arguments)
{
    using namespace bench;
    auto parsed = parse_settings(arguments);
    if (!parsed)
        return 0;
    check_cpus(parsed->cpus);
    bench::report r;
    r.settings = std::move(*parsed);
    auto plan = make_plan(r.settings);
    check_writable(r.settings.exports);
    r.started = local_time();
    r.machine = read_machine_facts();
    measure(r, std::move(plan));
    show(r);
    for (export_file const& file : r.settings.exports)
        write_export(file, r);
    if (r.signal != 0)
        return 128 + r.signal;
    if (!r.failure.empty() && r.settings.style == style::none)
        std::cerr << "execasio bench: " << r.failure << '\n';
    return r.failure.empty() ? 0 : 1;
}

} // namespace execasio_tool
