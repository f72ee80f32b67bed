#pragma once

#include "bench/scan.hpp"

#include <execasio/stop_plan.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace execasio_tool::bench {

enum class time_unit { automatic, microsecond, millisecond, second };
enum class style { automatic, basic, full, nocolor, color, none };
enum class sort_order { automatic, command, mean };
enum class pair_order { abba, random };
enum class format { json, csv, markdown, html };

/// A file that the report goes to; "-" is standard output.
struct export_file {
    format kind;
    std::string path;
};

/// What `execasio bench` was asked for.
struct settings {
    std::vector<std::string> commands;
    std::vector<std::string> names; ///< of the commands, then of the reference; may be fewer
    std::optional<std::string> reference;
    bool paired = false; ///< the reference takes turns with the commands (--vs)
    pair_order order = pair_order::abba;
    std::uint64_t seed = 1;

    std::vector<scan> scans;

    unsigned warmup = 0;
    unsigned min_runs = 10;
    std::optional<unsigned> max_runs;
    std::chrono::milliseconds min_time{3000}; ///< for each command

    std::optional<std::string> setup;
    std::vector<std::string> prepare;  ///< none, one for all commands, or one for each
    std::vector<std::string> conclude; ///< likewise
    std::optional<std::string> cleanup;

    std::vector<std::string> shell; ///< the words before the line; empty: no shell
    std::string input = "null";
    std::string output = "null";
    std::vector<unsigned> cpus;
    bool ignore_failure = false;
    std::optional<std::chrono::milliseconds> time_limit;
    execasio::stop_plan plan = execasio::stop_plan().target(execasio::stop_target::group);

    std::vector<export_file> exports;
    time_unit unit = time_unit::automatic;
    bench::style style = bench::style::automatic;
    sort_order sort = sort_order::automatic;
};

/// @return nullopt when help was asked for, and printed.
/// @throws boost::program_options::error, std::invalid_argument
std::optional<settings> parse_settings(std::vector<std::string> arguments);

/// "0-3,6" as {0, 1, 2, 3, 6}.
/// @throws std::invalid_argument
std::vector<unsigned> parse_cpus(std::string const& text);

} // namespace execasio_tool::bench
