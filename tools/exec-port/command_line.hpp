#pragma once

#include "child.hpp"
#include "log.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace exec_port {

/// What the port was asked for when it was started.
struct settings {
    bool numbered_descriptors = false; ///< -n: frames on 3 and 4 in place of 0 and 1
    bool large_frames = false;         ///< --packet 4
    bool who_am_i = false;             ///< --whoami
    bool help = false;
    bool version = false;
    bool guard = true;              ///< not with --no-guard
    std::chrono::seconds alarm{15}; ///< bound of the clean-up at the end
    int debug = 0;
    std::optional<std::string> user;         ///< -user NAME
    std::optional<std::string> capabilities; ///< -cap CAPS
    child::limits limits;                    ///< --max-chunk, --max-input
    std::optional<std::string> log;          ///< --log: a file, or "syslog"
    std::optional<log::severity> log_level;  ///< --log-level
    std::optional<std::string> shell;        ///< --default-shell: when SHELL is not set
    std::optional<std::string> wrong;        ///< why it cannot be what was meant
    std::vector<std::string> ignored;        ///< what may have been meant otherwise
};

/// Reads the arguments as erlexec's Erlang side writes them: one dash or two, values as the next
/// word, and words it does not know (of other versions, or the user's `{args, _}`) are ignored. A
/// bad value of an option that only this port has makes `wrong`.
settings read_command_line(std::vector<std::string> const& arguments);

/// The text for -h.
std::string usage();

/// Codes with which the port exits at start, as erlexec's applications know them.
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int signaled = 1;
inline constexpr int unknown_user = 3;
inline constexpr int refused = 4;
inline constexpr int unknown_capability = 8;
inline constexpr int capabilities_refused = 9;
inline constexpr int null_device = 10;
} // namespace exit_code

} // namespace exec_port
