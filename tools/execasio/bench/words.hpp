#pragma once

#include <string>
#include <vector>

namespace execasio_tool::bench {

/// Splits a command line into words as a POSIX shell does, with quotes and backslashes, and expands
/// nothing (XCU 2.2 and 2.3).
/// @throws std::invalid_argument for a quote that is left open, for a line without a word, and for
///     what only a shell can do (pipes, redirections, lists, command substitution): run as plain
///     words it would not be the command that was meant.
std::vector<std::string> split_words(std::string const& line);

/// The text as one word of a POSIX shell.
std::string quoted(std::string const& word);

} // namespace execasio_tool::bench
