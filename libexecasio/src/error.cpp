#include "execasio/error.hpp"

namespace execasio {
namespace {

class category_impl final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "execasio"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value)) { // no default: -Wswitch names a forgotten message
        case errc::status_lost: return "child was reaped elsewhere, its exit status is lost";
        case errc::died_before_exec: return "child died before it could execute the program";
        case errc::line_too_long: return "line is longer than the maximum";
        case errc::output_too_long: return "output is longer than the limit";
        case errc::not_piped: return "stream is not connected by a pipe";
        case errc::no_process: return "object holds no process";
        case errc::already_ended: return "process has already ended";
        case errc::empty_command: return "command names no program";
        case errc::embedded_nul: return "embedded NUL in a command, argument, path or variable";
        case errc::bad_variable_name: return "variable name is empty or contains '='";
        case errc::circular_merge: return "stdout and stderr are merged into each other";
        case errc::bad_descriptor:
            return "descriptor is negative, given twice or a standard stream";
        case errc::bad_terminal_mode: return "no such terminal mode, or not with this value";
        case errc::no_terminal: return "process has no pseudo terminal";
        case errc::input_queue_full: return "input queue is full";
        case errc::not_ready: return "process ended, or closed its output, before it was ready";
        case errc::member_failed: return "process of the scope failed";
        case errc::no_cgroup: return "no cgroup (version 2) that may be written to";
        case errc::no_controller: return "cgroup controller is not available";
        case errc::no_such_user: return "no such user";
        case errc::no_such_group: return "no such group";
        case errc::no_primary_group: return "user number without an account, and no group given";
        case errc::no_such_capability: return "no such capability";
        case errc::identity_not_verified: return "identity is not what was asked for";
        }
        return "unknown execasio error " + std::to_string(value);
    }

    // So that a caller can test for the portable meaning: ec == errc::no_child_process.
    boost::system::error_condition default_error_condition(int value) const noexcept override
    {
        namespace portable = boost::system::errc;
        switch (static_cast<errc>(value)) {
        case errc::status_lost:
        case errc::no_process: return make_error_condition(portable::no_child_process);
        case errc::died_before_exec: return make_error_condition(portable::interrupted);
        case errc::line_too_long:
        case errc::output_too_long: return make_error_condition(portable::message_size);
        case errc::not_piped: return make_error_condition(portable::bad_file_descriptor);
        case errc::no_terminal:
            return make_error_condition(portable::inappropriate_io_control_operation);
        case errc::identity_not_verified:
            return make_error_condition(portable::operation_not_permitted);
        case errc::already_ended: return make_error_condition(portable::no_such_process);
        case errc::input_queue_full: return make_error_condition(portable::no_buffer_space);
        case errc::not_ready:
        case errc::member_failed: break;
        case errc::no_cgroup:
        case errc::no_controller: return make_error_condition(portable::operation_not_supported);
        case errc::empty_command:
        case errc::embedded_nul:
        case errc::bad_variable_name:
        case errc::bad_terminal_mode:
        case errc::circular_merge:
        case errc::no_such_user:
        case errc::no_such_group:
        case errc::no_primary_group:
        case errc::no_such_capability:
        case errc::bad_descriptor: return make_error_condition(portable::invalid_argument);
        }
        return {value, *this};
    }
};

} // namespace

boost::system::error_category const& error_category() noexcept
{
    static category_impl const instance;
    return instance;
}

char const* to_string(stage s) noexcept
{
    switch (s) {
    case stage::none: return "none";
    case stage::command: return "command";
    case stage::search: return "PATH search";
    case stage::open_input: return "opening standard input";
    case stage::open_output: return "opening standard output";
    case stage::open_error: return "opening standard error";
    case stage::pipe_input: return "pipe for standard input";
    case stage::pipe_output: return "pipe for standard output";
    case stage::pipe_error: return "pipe for standard error";
    case stage::terminal: return "terminal";
    case stage::cgroup: return "cgroup";
    case stage::initializer: return "initializer";
    case stage::clone: return "clone";
    case stage::session: return "setsid";
    case stage::group: return "setpgid";
    case stage::descriptors: return "descriptors";
    case stage::directory: return "chdir";
    case stage::limits: return "limits";
    case stage::nice: return "nice";
    case stage::credentials: return "credentials";
    case stage::capabilities: return "capabilities";
    case stage::death_signal: return "parent death signal";
    case stage::exec: return "exec";
    case stage::watch: return "watching the exit";
    }
    return "unknown";
}

spawn_error::spawn_error(stage where, error_code why, std::string const& subject, pid_t pid)
    : system_error(why, std::string("spawn failed at ") + to_string(where) +
                            (subject.empty() ? "" : " '" + subject + "'")),
      where_(where),
      pid_(pid)
{
}

} // namespace execasio
