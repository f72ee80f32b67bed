#pragma once

#include "bench/report.hpp"

#include <iosfwd>
#include <string>

namespace execasio_tool::bench {

/// For people, on a terminal or not.
void write_table(std::ostream& out, report const& r, bool colored);

/// Every run and all that comes of them; a superset of what hyperfine writes. Seconds and bytes.
void write_json(std::ostream& out, report const& r);

/// A line for each measurement, after RFC 4180; times in seconds. The first columns are
/// hyperfine's.
void write_csv(std::ostream& out, report const& r);

void write_markdown(std::ostream& out, report const& r);

/// A page with its style and plots inside.
void write_html(std::ostream& out, report const& r);

// How text gets into them.
std::string csv_field(std::string const& text);
std::string markdown_code(std::string const& text); ///< as code in a cell of a table
std::string html_text(std::string const& text);     ///< also within double quotes

/// "new is 12 % slower than old", or that nothing is shown; for people.
std::string verdict_text(comparison const& c, report const& r);

/// "1.234 (1.200 to 1.260)"
std::string ratio_text(double ratio, std::optional<interval> const& bounds);

/// The names of the settings that change what is measured, in one line.
std::string circumstances_text(report const& r);

} // namespace execasio_tool::bench
