#pragma once

#include "execasio/error.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace execasio {

namespace asio = boost::asio;

/// The size of a terminal's window, in characters.
struct terminal_size {
    std::uint16_t rows = 24;
    std::uint16_t columns = 80;
};

/// A terminal mode by its name in RFC 4254, section 8, in lower case, such as "echo" or "veof".
///
/// Values: a character mode (those that begin with 'v') takes 0 to 255, where 0 disables it; a
/// flag takes 0 or 1; "tty_op_ispeed" and "tty_op_ospeed" take bits per second. "cs7" and "cs8" set
/// the size of a character, and each switched off means the other.
struct terminal_mode {
    std::string name;
    std::int64_t value = 0;
};

/// What is known of a mode by its name.
struct terminal_mode_info {
    enum class kind {
        character, ///< 0 to 255
        flag,      ///< 0 or 1
        speed,     ///< bits per second, 32 bits
    };
    kind what;
    bool supported; ///< false: of RFC 4254, but Linux has none such (vdsusp, vflush, vstatus)

    [[nodiscard]] std::int64_t highest() const noexcept; ///< the lowest value is 0
};
/// @return Nothing for a name that is none of RFC 4254's.
std::optional<terminal_mode_info> find_terminal_mode(std::string_view name) noexcept;

/// The terminal that a command is given: see `command::terminal`. Setters return the object.
class terminal_options {
public:
    terminal_options() {} // not an aggregate (g++ 12, co_await)

    /// Default: 24 rows of 80 columns.
    terminal_options& size(terminal_size s) { return size_ = s, *this; }

    /// Whether what is written to the terminal comes back as output. Default: yes, as the kernel
    /// has it. In force before the child starts.
    terminal_options& echo(bool on) { return mode("echo", on ? 1 : 0); }

    /// Sets a mode before the child starts. Modes that Linux lacks are ignored; an unknown name or
    /// a bad value fails the spawn (`stage::terminal`, `errc::bad_terminal_mode`).
    terminal_options& mode(std::string name, std::int64_t value)
    {
        modes_.push_back({std::move(name), value});
        return *this;
    }

    [[nodiscard]] terminal_size size() const noexcept { return size_; }
    [[nodiscard]] std::vector<terminal_mode> const& modes() const noexcept { return modes_; }

private:
    terminal_size size_;
    std::vector<terminal_mode> modes_;
};

/// The master side of a child's pseudo terminal (pty(7)), as far as it is not a stream: window size
/// and modes, also while the child runs. What the child reads and writes goes through
/// `process::input` and `process::output`, which share the one descriptor with this object: it is
/// closed, which is a hangup (SIGHUP) for the child, when the last of the three is gone.
///
/// @par Thread safety
/// Belongs to the executor (strand) of the process.
class pseudo_terminal {
public:
    /// No terminal: operations fail with `errc::no_terminal`.
    pseudo_terminal() noexcept = default;

    explicit pseudo_terminal(std::shared_ptr<asio::posix::stream_descriptor> master) noexcept
        : master_(std::move(master))
    {
    }

    [[nodiscard]] bool is_open() const noexcept { return master_ && master_->is_open(); }

    /// The foreground process group gets SIGWINCH when the size changes (ioctl_tty(2)).
    void resize(terminal_size size);
    void resize(terminal_size size, error_code& ec) noexcept;
    [[nodiscard]] terminal_size size() const;

    /// Changes one mode: `errc::bad_terminal_mode` for an unknown name, one that Linux lacks, or a
    /// value that the mode cannot have.
    void mode(terminal_mode const& m);
    void mode(terminal_mode const& m, error_code& ec) noexcept;

    /// A mode's present value.
    /// @throws boost::system::system_error as `mode` above.
    [[nodiscard]] std::int64_t mode(std::string_view name) const;

    [[nodiscard]] int native_handle() const noexcept;

private:
    std::shared_ptr<asio::posix::stream_descriptor> master_;
};

} // namespace execasio
