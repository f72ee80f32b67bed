// What goes in and out.

#include "script.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include <unistd.h>

namespace puppet {
namespace {

void write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        ssize_t const n = ::write(fd, text.data(), text.size());
        if (n < 0)
            die("write");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

void write_bytes(std::size_t count, char byte)
{
    std::string const block(64 * 1024, byte);
    while (count != 0) {
        ssize_t const n = ::write(STDOUT_FILENO, block.data(), std::min(count, block.size()));
        if (n < 0)
            die("write");
        count -= static_cast<std::size_t>(n);
    }
}

/// Numbered lines, so that a loss or a change of order shows.
void write_lines(std::size_t count)
{
    std::string block;
    for (std::size_t i = 0; i < count; ++i) {
        block += std::to_string(i) + "\n";
        if (block.size() < 32 * 1024 && i + 1 < count)
            continue;
        write_all(STDOUT_FILENO, block);
        block.clear();
    }
}

/// As fast as can be: the same lines again and again.
void repeat_lines(std::size_t count)
{
    std::string block;
    for (std::size_t i = 0; i < count; ++i)
        block += std::to_string(i) + "\n";
    for (;;)
        write_all(STDOUT_FILENO, block);
}

/// For ever a line at a time, with a pause between two.
void tick(long milliseconds)
{
    timespec const pause{milliseconds / 1000, milliseconds % 1000 * 1000000};
    for (;;) {
        say("tick");
        ::nanosleep(&pause, nullptr);
    }
}

/// One byte of standard input, or its end.
void await_input()
{
    char byte;
    if (::read(STDIN_FILENO, &byte, 1) < 0)
        die("read");
}

void copy_input()
{
    std::string block(64 * 1024, '\0');
    for (;;) {
        ssize_t const n = ::read(STDIN_FILENO, block.data(), block.size());
        if (n == 0)
            return;
        if (n < 0)
            die("read");
        write_all(STDOUT_FILENO, {block.data(), static_cast<std::size_t>(n)});
    }
}

void count_input()
{
    std::string block(64 * 1024, '\0');
    std::size_t total = 0;
    for (ssize_t n; (n = ::read(STDIN_FILENO, block.data(), block.size())) > 0;)
        total += static_cast<std::size_t>(n);
    say(std::to_string(total));
}

void read_descriptor(int fd)
{
    std::string text(256, '\0');
    ssize_t const n = ::read(fd, text.data(), text.size());
    say(n < 0 ? "error" : text.substr(0, static_cast<std::size_t>(n)));
}

void write_descriptor(script& words)
{
    auto const fd = static_cast<int>(words.number());
    write_all(fd, words.next());
}

std::size_t size(script& words)
{
    return static_cast<std::size_t>(words.number());
}

} // namespace

std::span<verb const> output_verbs()
{
    static constexpr verb verbs[] = {
        {"say", [](script& words) { say(words.next()); }},
        {"print",
         [](script& words) { write_all(STDOUT_FILENO, words.next()); }}, // without a newline
        {"err", [](script& words) { write_all(STDERR_FILENO, words.next() + "\n"); }},
        {"write", [](script& words) { write_bytes(size(words), 'x'); }},
        {"write-forever", [](script&) { write_bytes(~std::size_t{0}, 'y'); }},
        {"lines", [](script& words) { write_lines(size(words)); }},
        {"repeat-lines", [](script& words) { repeat_lines(size(words)); }},
        {"tick", [](script& words) { tick(words.number()); }},
        {"await", [](script&) { await_input(); }},
        {"cat", [](script&) { copy_input(); }},
        {"count", [](script&) { count_input(); }},
        {"close", [](script& words) { ::close(static_cast<int>(words.number())); }},
        {"readfd", [](script& words) { read_descriptor(static_cast<int>(words.number())); }},
        {"writefd", write_descriptor},
    };
    return verbs;
}

} // namespace puppet
