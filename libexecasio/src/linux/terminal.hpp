#pragma once

#include "execasio/pseudo_terminal.hpp"
#include "linux/unique_fd.hpp"

#include <optional>
#include <string_view>

#include <sys/types.h>

namespace execasio::sys {

/// Both ends of a new pseudo terminal, close-on-exec, no controlling terminal of this program.
struct terminal_pair {
    unique_fd master;
    unique_fd slave;
};

/// @throws boost::system::system_error
terminal_pair open_terminal();

/// The same, and a user's own, as that of login(1) is: a program that opens its terminal by name
/// needs it, and others of this program's user must not be able to. Who may neither give it away
/// (CAP_CHOWN) nor become that user (CAP_SETUID and CAP_SETGID) keeps it.
/// @throws boost::system::system_error
terminal_pair open_terminal(uid_t owner, gid_t group);

/// Sets size and modes of a terminal, before anybody uses it.
/// @throws boost::system::system_error
void prepare_terminal(int fd, terminal_options const& options);

error_code set_terminal_size(int fd, terminal_size size) noexcept;
error_code set_terminal_mode(int fd, terminal_mode const& mode) noexcept;
std::optional<std::int64_t> get_terminal_mode(int fd, std::string_view name) noexcept;

/// The character that, written to the master, is the end of input for the one who reads the slave;
/// nullopt when the terminal is not in canonical mode, or has none.
std::optional<char> end_of_input_character(int fd) noexcept;

/// Whether a line is complete, in canonical mode, when this byte was the last one written.
bool completes_line(int fd, char last) noexcept;

} // namespace execasio::sys
