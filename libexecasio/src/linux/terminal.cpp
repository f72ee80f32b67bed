#include "linux/terminal.hpp"

#include "linux/last_error.hpp"
#include "linux/terminal_owner.hpp"

#include <cerrno>

// Not <termios.h>: it lacks the speeds that are not one of the old constants (BOTHER), and the two
// do not go together.
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <sys/ioctl.h>

namespace execasio::sys {
namespace {

enum class kind : unsigned char { character, input, output, control, local, size, speed, none };

struct row {
    std::string_view name;
    kind what;
    unsigned value; ///< index of a character, bit of a flag, or the size's bits
};

// RFC 4254, section 8; termios(3). In the order of the RFC.
constexpr row rows[] = {
    {"vintr", kind::character, VINTR},
    {"vquit", kind::character, VQUIT},
    {"verase", kind::character, VERASE},
    {"vkill", kind::character, VKILL},
    {"veof", kind::character, VEOF},
    {"veol", kind::character, VEOL},
    {"veol2", kind::character, VEOL2},
    {"vstart", kind::character, VSTART},
    {"vstop", kind::character, VSTOP},
    {"vsusp", kind::character, VSUSP},
    {"vdsusp", kind::none, 0},
    {"vreprint", kind::character, VREPRINT},
    {"vwerase", kind::character, VWERASE},
    {"vlnext", kind::character, VLNEXT},
    {"vflush", kind::none, 0},
    {"vswtch", kind::character, VSWTC},
    {"vstatus", kind::none, 0},
    {"vdiscard", kind::character, VDISCARD},
    {"ignpar", kind::input, IGNPAR},
    {"parmrk", kind::input, PARMRK},
    {"inpck", kind::input, INPCK},
    {"istrip", kind::input, ISTRIP},
    {"inlcr", kind::input, INLCR},
    {"igncr", kind::input, IGNCR},
    {"icrnl", kind::input, ICRNL},
    {"iuclc", kind::input, IUCLC},
    {"ixon", kind::input, IXON},
    {"ixany", kind::input, IXANY},
    {"ixoff", kind::input, IXOFF},
    {"imaxbel", kind::input, IMAXBEL},
    {"iutf8", kind::input, IUTF8},
    {"isig", kind::local, ISIG},
    {"icanon", kind::local, ICANON},
    {"xcase", kind::local, XCASE},
    {"echo", kind::local, ECHO},
    {"echoe", kind::local, ECHOE},
    {"echok", kind::local, ECHOK},
    {"echonl", kind::local, ECHONL},
    {"noflsh", kind::local, NOFLSH},
    {"tostop", kind::local, TOSTOP},
    {"iexten", kind::local, IEXTEN},
    {"echoctl", kind::local, ECHOCTL},
    {"echoke", kind::local, ECHOKE},
    {"pendin", kind::local, PENDIN},
    {"opost", kind::output, OPOST},
    {"olcuc", kind::output, OLCUC},
    {"onlcr", kind::output, ONLCR},
    {"ocrnl", kind::output, OCRNL},
    {"onocr", kind::output, ONOCR},
    {"onlret", kind::output, ONLRET},
    {"cs7", kind::size, CS7},
    {"cs8", kind::size, CS8},
    {"parenb", kind::control, PARENB},
    {"parodd", kind::control, PARODD},
    {"tty_op_ispeed", kind::speed, 0},
    {"tty_op_ospeed", kind::speed, 1},
};

row const* find(std::string_view name) noexcept
{
    for (row const& r : rows)
        if (r.name == name)
            return &r;
    return nullptr;
}

template <class Termios>
auto& flags_of(Termios& t, kind what) noexcept
{
    switch (what) {
    case kind::input: return t.c_iflag;
    case kind::output: return t.c_oflag;
    case kind::control: return t.c_cflag;
    default: return t.c_lflag;
    }
}

terminal_mode_info info_of(row const& r) noexcept
{
    switch (r.what) {
    case kind::none: // those that Linux lacks are characters
    case kind::character: return {terminal_mode_info::kind::character, r.what != kind::none};
    case kind::speed: return {terminal_mode_info::kind::speed, true};
    default: return {terminal_mode_info::kind::flag, true};
    }
}

bool value_fits(row const& r, std::int64_t value) noexcept
{
    terminal_mode_info const info = info_of(r);
    return info.supported && value >= 0 && value <= info.highest();
}

/// The old constant for a speed, which is what older programs know; BOTHER for all others.
unsigned code_of_speed(unsigned bits_per_second) noexcept
{
    constexpr struct {
        unsigned code;
        unsigned speed;
    } codes[] = {{B0, 0},
                 {B50, 50},
                 {B75, 75},
                 {B110, 110},
                 {B134, 134},
                 {B150, 150},
                 {B200, 200},
                 {B300, 300},
                 {B600, 600},
                 {B1200, 1200},
                 {B1800, 1800},
                 {B2400, 2400},
                 {B4800, 4800},
                 {B9600, 9600},
                 {B19200, 19200},
                 {B38400, 38400},
                 {B57600, 57600},
                 {B115200, 115200},
                 {B230400, 230400},
                 {B460800, 460800},
                 {B500000, 500000},
                 {B576000, 576000},
                 {B921600, 921600},
                 {B1000000, 1000000},
                 {B1152000, 1152000},
                 {B1500000, 1500000},
                 {B2000000, 2000000},
                 {B2500000, 2500000},
                 {B3000000, 3000000},
                 {B3500000, 3500000},
                 {B4000000, 4000000}};
    for (auto const& [code, speed] : codes)
        if (speed == bits_per_second)
            return code;
    return BOTHER;
}

void apply(termios2& t, row const& r, std::int64_t value) noexcept
{
    auto const number = static_cast<unsigned>(value);
    switch (r.what) {
    case kind::character: t.c_cc[r.value] = static_cast<cc_t>(number); return;
    case kind::size: {
        unsigned const other = r.value == CS7 ? CS8 : CS7;
        t.c_cflag = (t.c_cflag & ~unsigned{CSIZE}) | (number != 0 ? r.value : other);
        return;
    }
    case kind::speed: {
        unsigned const shift = r.value == 0 ? IBSHIFT : 0;
        t.c_cflag = (t.c_cflag & ~(unsigned{CBAUD} << shift)) | (code_of_speed(number) << shift);
        (r.value == 0 ? t.c_ispeed : t.c_ospeed) = number;
        return;
    }
    case kind::none: return;
    default: break;
    }
    auto& flags = flags_of(t, r.what);
    flags = number != 0 ? flags | r.value : flags & ~r.value;
}

[[noreturn]] void throw_last(char const* what)
{
    throw boost::system::system_error(last_error(), what);
}

/// By the master, not by a path: /dev/pts may be another file system's, or not there.
unique_fd open_slave(int master)
{
    int const unlock = 0;
    if (::ioctl(master, TIOCSPTLCK, &unlock) != 0)
        throw_last("unlocking the terminal");
    unique_fd slave(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave)
        throw_last("opening the terminal");
    return slave;
}

} // namespace

terminal_pair open_terminal()
{
    terminal_pair pair;
    pair.master.reset(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!pair.master)
        throw_last("/dev/ptmx");
    pair.slave = open_slave(pair.master.get());
    return pair;
}

terminal_pair open_terminal(uid_t owner, gid_t group)
{
    terminal_pair pair = open_terminal();
    if (::fchown(pair.slave.get(), owner, static_cast<gid_t>(-1)) == 0)
        return pair;
    int const error = replace_terminal_master(pair.master.get(), owner, group);
    if (error == 0)
        pair.slave = open_slave(pair.master.get());
    else if (error != EPERM)
        throw boost::system::system_error(error, boost::system::system_category(), "/dev/ptmx");
    return pair;
}

void prepare_terminal(int fd, terminal_options const& options)
{
    termios2 t{};
    if (::ioctl(fd, TCGETS2, &t) != 0)
        throw_last("terminal modes");
    for (terminal_mode const& mode : options.modes()) {
        row const* const r = find(mode.name);
        if (r && r->what == kind::none)
            continue;
        if (!r || !value_fits(*r, mode.value))
            throw boost::system::system_error(errc::bad_terminal_mode, mode.name);
        apply(t, *r, mode.value);
    }
    if (::ioctl(fd, TCSETS2, &t) != 0)
        throw_last("terminal modes");
    if (error_code const ec = set_terminal_size(fd, options.size()))
        throw boost::system::system_error(ec, "terminal size");
}

error_code set_terminal_size(int fd, terminal_size size) noexcept
{
    winsize const w{size.rows, size.columns, 0, 0};
    return ::ioctl(fd, TIOCSWINSZ, &w) == 0 ? error_code() : last_error();
}

error_code set_terminal_mode(int fd, terminal_mode const& mode) noexcept
{
    row const* const r = find(mode.name);
    if (!r || !value_fits(*r, mode.value))
        return make_error_code(errc::bad_terminal_mode);
    termios2 t{};
    if (::ioctl(fd, TCGETS2, &t) != 0)
        return last_error();
    apply(t, *r, mode.value);
    return ::ioctl(fd, TCSETS2, &t) == 0 ? error_code() : last_error();
}

std::optional<std::int64_t> get_terminal_mode(int fd, std::string_view name) noexcept
{
    row const* const r = find(name);
    termios2 t{};
    if (!r || r->what == kind::none || ::ioctl(fd, TCGETS2, &t) != 0)
        return std::nullopt;
    switch (r->what) {
    case kind::character: return t.c_cc[r->value];
    case kind::size: return (t.c_cflag & CSIZE) == r->value;
    case kind::speed: return r->value == 0 ? t.c_ispeed : t.c_ospeed;
    default: return (flags_of(t, r->what) & r->value) == r->value;
    }
}

std::optional<char> end_of_input_character(int fd) noexcept
{
    termios2 t{};
    if (::ioctl(fd, TCGETS2, &t) != 0 || !(t.c_lflag & ICANON) || t.c_cc[VEOF] == 0)
        return std::nullopt;
    return static_cast<char>(t.c_cc[VEOF]);
}

bool completes_line(int fd, char last) noexcept
{
    termios2 t{};
    if (last == '\n' || ::ioctl(fd, TCGETS2, &t) != 0)
        return true;
    if (last == '\r' && (t.c_iflag & ICRNL))
        return true;
    auto const byte = static_cast<cc_t>(last);
    return byte != 0 && (byte == t.c_cc[VEOF] || byte == t.c_cc[VEOL] || byte == t.c_cc[VEOL2]);
}

} // namespace execasio::sys

namespace execasio {

std::int64_t terminal_mode_info::highest() const noexcept
{
    switch (what) {
    case kind::character: return 255;
    case kind::flag: return 1;
    case kind::speed: break;
    }
    return 0xffffffff; // as wide as the kernel's field
}

std::optional<terminal_mode_info> find_terminal_mode(std::string_view name) noexcept
{
    sys::row const* const r = sys::find(name);
    if (!r)
        return std::nullopt;
    return sys::info_of(*r);
}

} // namespace execasio
