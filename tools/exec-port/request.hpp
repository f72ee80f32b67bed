#pragma once

#include "refusal.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace exec_port {

// What a checked request asks for. Everything is owned: a request outlives its frame. Strings hold
// no NUL byte (only stdin data may); process numbers, signals and the like fit their system types.

struct redirection {
    enum class target {
        null,
        closed,
        erlang,       // a pipe or the pseudo terminal: `stdout` without a value
        file,         // path, append, mode
        other_output, // {stdout, stderr}, {stderr, stdout}; never both
    };

    target to = target::null;
    std::string path;
    bool append = false;
    unsigned mode = 0644; // of a file that has to be created, 0 to 07777
};

struct environment_change {
    std::string name;                 // neither empty nor with '=' in it
    std::optional<std::string> value; // nothing: the variable is removed
};

struct environment_changes {
    bool clear = false; // start from an empty environment; wherever `clear` stands in the list
    std::vector<environment_change> changes; // in this order, the last one for a name wins
};

struct pty_setting {
    std::string name;       // an option of RFC 4254, section 8; maybe one that Linux lacks
    std::int64_t value = 0; // character: 0 to 255; mode: 0 or 1; speed: bits per second
};

struct window_size {
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
};

struct capability_choice {
    bool all = false;
    std::uint64_t mask = 0; // bit N: the capability with number N
};

/// Options of a run or manage request. What was not given, or was given as an empty string where
/// that means the default, is nothing.
struct run_options {
    std::optional<std::string> cd;
    std::optional<environment_changes> env;
    std::optional<std::string> executable;
    std::optional<std::string> kill;          // shell command
    std::optional<std::int64_t> kill_timeout; // seconds, never negative, but as long as 64 bits
    bool kill_group = false;
    std::optional<int> group;             // 0: a new one
    std::optional<std::string> user;      // a name that nobody has looked up yet
    std::optional<int> nice;              // -20 to 20
    std::optional<int> success_exit_code; // 0 to 255
    std::array<redirection, 3> streams;   // by descriptor number
    std::optional<std::vector<pty_setting>> pty;
    bool pty_echo = false;
    std::optional<window_size> winsz;
    std::optional<capability_choice> capabilities;
    std::optional<int> debug;
};

struct run_request {
    /// A shell line, or program and arguments. Neither the line nor the program is empty.
    std::variant<std::string, std::vector<std::string>> command;
    run_options options;
    std::size_t size = 0; // of the request in bytes, which is about what it takes to keep it
};

struct manage_request {
    int os_pid; // positive
    run_options options;
};

struct stop_request {
    int os_pid;
};

struct kill_request {
    int os_pid; // 0 or more
    int signal;
};

struct list_request {};

struct stdin_request {
    int os_pid;
    std::optional<std::string> data; // nothing: end of file
};

struct winsz_request {
    int os_pid;
    window_size size;
};

struct pty_opts_request {
    int os_pid;
    std::vector<pty_setting> settings; // those before the flawed one
    std::optional<refusal> flaw;       // to be answered when the process exists, unless a setting
                                       // before it fails; then nothing is changed
};

struct setpgid_request {
    int os_pid; // positive
    int group;  // 0 or more
};

struct debug_request {
    int level; // 0 to 10
};

struct shutdown_request {};

/// A request, or the error that answers it.
using request_body = std::variant<run_request, manage_request, stop_request, kill_request,
                                  list_request, stdin_request, winsz_request, pty_opts_request,
                                  setpgid_request, debug_request, shutdown_request, refusal>;

struct request {
    std::int64_t id; // of the transaction, for the reply
    request_body body;
};

} // namespace exec_port
