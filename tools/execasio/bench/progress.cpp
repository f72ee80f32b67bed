#include "bench/progress.hpp"

#include "bench/format.hpp"

#include <algorithm>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

namespace execasio_tool::bench {
namespace {

std::size_t terminal_width()
{
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/// At most that many characters, of UTF-8.
std::string cut(std::string text, std::size_t most)
{
    std::size_t characters = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
        if (begins && ++characters > most) {
            text.resize(i);
            break;
        }
    }
    return text;
}

} // namespace

progress::progress(style s, std::size_t benchmarks)
    : on_((s == style::automatic || s == style::full || s == style::nocolor) &&
          ::isatty(STDERR_FILENO)),
      benchmarks_(benchmarks)
{
}

void progress::phase(std::size_t number, std::string const& name, std::string const& what)
{
    if (!on_)
        return;
    head_ = "[" + std::to_string(number + 1) + "/" + std::to_string(benchmarks_) + "] " +
            cut(name, 40) + "  ";
    began_ = clock::now();
    draw(head_ + what);
}

void progress::step(measurement const& m, double part)
{
    auto const now = clock::now();
    if (!on_ || now < next_)
        return;
    constexpr std::size_t width = 20;
    auto const filled = static_cast<std::size_t>(std::min(part, 1.0) * width);
    std::string bar;
    for (std::size_t i = 0; i < width; ++i)
        bar += i < filled ? "█" : "░";
    auto const& last = m.runs.back();
    std::string text = head_ + bar + "  run " + std::to_string(m.runs.size()) + ", " +
                       format_for(last.wall, 0, time_unit::automatic).with_unit(last.wall);
    if (part > 0.02) {
        double const passed = std::chrono::duration<double>(now - began_).count();
        text += ", " + fixed(std::max(0.0, passed / part - passed), 0) + " s left";
    }
    draw(text);
}

void progress::draw(std::string const& text)
{
    std::cerr << "\r\033[K" << cut(text, terminal_width() - 1) << std::flush;
    next_ = clock::now() + std::chrono::milliseconds(250);
}

void progress::clear()
{
    if (on_)
        std::cerr << "\r\033[K" << std::flush;
}

} // namespace execasio_tool::bench
