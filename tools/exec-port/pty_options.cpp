#include "pty_options.hpp"

#include <execasio/pseudo_terminal.hpp>

namespace exec_port {

std::optional<std::int64_t> to_pty_value(std::string_view name, term const& value) noexcept
{
    auto const mode = execasio::find_terminal_mode(name);
    if (!mode)
        return std::nullopt;
    bool const is_flag = mode->what == execasio::terminal_mode_info::kind::flag;
    if (is_flag && value.is_atom("true"))
        return 1;
    if (is_flag && value.is_atom("false"))
        return 0;
    if (value.kind() != term_kind::integer || value.value() < 0 || value.value() > mode->highest())
        return std::nullopt;
    return value.value();
}

} // namespace exec_port
