#pragma once

#include "bench/launcher.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace execasio_tool::bench {

/// The helper program of that name: beside this one, or where the installation puts it.
/// @return nullopt when it is not there.
std::optional<std::string> gauge_program();

/// What a run under the helper came to.
struct gauged {
    int status = 0; ///< of the command, as wait(2) stores it
    std::uint64_t peak_memory = 0;
};

/// Runs a command once more, launched by a helper of a few pages (gauge.cpp): the peak memory that
/// Linux tells of a child is never less than that of its launcher, which for this tool is more than
/// many a small program needs.
///
/// @param words The command; a name without '/' is searched in PATH.
/// @return nullopt when nothing was learnt: it cannot be started, or was killed, helper and all.
asio::awaitable<std::optional<gauged>> run_gauged(launcher& launch, std::string gauge,
                                                  std::vector<std::string> words);

} // namespace execasio_tool::bench
