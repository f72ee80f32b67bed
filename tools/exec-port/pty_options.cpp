#include "pty_options.hpp"

#include <limits>

namespace exec_port {
namespace {

constexpr auto character = pty_option_kind::character;
constexpr auto mode = pty_option_kind::mode;
constexpr auto speed = pty_option_kind::speed;

constexpr pty_option known_options[] = {
    {"vintr", character},
    {"vquit", character},
    {"verase", character},
    {"vkill", character},
    {"veof", character},
    {"veol", character},
    {"veol2", character},
    {"vstart", character},
    {"vstop", character},
    {"vsusp", character},
    {"vdsusp", character},
    {"vreprint", character},
    {"vwerase", character},
    {"vlnext", character},
    {"vflush", character},
    {"vswtch", character},
    {"vstatus", character},
    {"vdiscard", character},
    {"ignpar", mode},
    {"parmrk", mode},
    {"inpck", mode},
    {"istrip", mode},
    {"inlcr", mode},
    {"igncr", mode},
    {"icrnl", mode},
    {"iuclc", mode},
    {"ixon", mode},
    {"ixany", mode},
    {"ixoff", mode},
    {"imaxbel", mode},
    {"iutf8", mode},
    {"isig", mode},
    {"icanon", mode},
    {"xcase", mode},
    {"echo", mode},
    {"echoe", mode},
    {"echok", mode},
    {"echonl", mode},
    {"noflsh", mode},
    {"tostop", mode},
    {"iexten", mode},
    {"echoctl", mode},
    {"echoke", mode},
    {"pendin", mode},
    {"opost", mode},
    {"olcuc", mode},
    {"onlcr", mode},
    {"ocrnl", mode},
    {"onocr", mode},
    {"onlret", mode},
    {"cs7", mode},
    {"cs8", mode},
    {"parenb", mode},
    {"parodd", mode},
    {"tty_op_ispeed", speed},
    {"tty_op_ospeed", speed},
};

std::int64_t highest(pty_option_kind kind) noexcept
{
    switch (kind) {
    case pty_option_kind::character: return 255;
    case pty_option_kind::mode: return 1;
    case pty_option_kind::speed: break;
    }
    return std::numeric_limits<std::uint32_t>::max(); // as wide as the kernel's field
}

} // namespace

pty_option const* find_pty_option(std::string_view name) noexcept
{
    for (pty_option const& option : known_options)
        if (option.name == name)
            return &option;
    return nullptr;
}

std::optional<std::int64_t> to_pty_value(pty_option const& option, term const& value) noexcept
{
    if (option.kind == pty_option_kind::mode && value.is_atom("true"))
        return 1;
    if (option.kind == pty_option_kind::mode && value.is_atom("false"))
        return 0;
    if (value.kind() != term_kind::integer || value.value() < 0 ||
        value.value() > highest(option.kind))
        return std::nullopt;
    return value.value();
}

} // namespace exec_port
