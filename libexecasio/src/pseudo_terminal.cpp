#include "execasio/pseudo_terminal.hpp"

#include "linux/last_error.hpp"
#include "linux/terminal.hpp"

#include <cerrno>

#include <sys/ioctl.h>

namespace execasio {
namespace {

void check(error_code ec, char const* what)
{
    if (ec)
        throw boost::system::system_error(ec, what);
}

} // namespace

int pseudo_terminal::native_handle() const noexcept
{
    return is_open() ? master_->native_handle() : -1;
}

void pseudo_terminal::resize(terminal_size size, error_code& ec) noexcept
{
    ec = is_open() ? sys::set_terminal_size(native_handle(), size)
                   : make_error_code(errc::no_terminal);
}

void pseudo_terminal::resize(terminal_size size)
{
    error_code ec;
    resize(size, ec);
    check(ec, "resize");
}

terminal_size pseudo_terminal::size() const
{
    winsize w{};
    if (!is_open())
        check(errc::no_terminal, "size");
    if (::ioctl(native_handle(), TIOCGWINSZ, &w) != 0)
        check(sys::last_error(), "size");
    return {w.ws_row, w.ws_col};
}

void pseudo_terminal::mode(terminal_mode const& m, error_code& ec) noexcept
{
    ec =
        is_open() ? sys::set_terminal_mode(native_handle(), m) : make_error_code(errc::no_terminal);
}

void pseudo_terminal::mode(terminal_mode const& m)
{
    error_code ec;
    mode(m, ec);
    if (ec)
        throw boost::system::system_error(ec, m.name);
}

std::int64_t pseudo_terminal::mode(std::string_view name) const
{
    if (!is_open())
        check(errc::no_terminal, "mode");
    auto const value = sys::get_terminal_mode(native_handle(), name);
    if (!value)
        throw boost::system::system_error(errc::bad_terminal_mode, std::string(name));
    return *value;
}

} // namespace execasio
