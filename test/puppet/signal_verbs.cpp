// Signals, sent and received, and ends.

#include "script.hpp"

#include <cstdlib>
#include <ctime>

#include <signal.h>
#include <unistd.h>

namespace puppet {
namespace {

extern "C" void report_signal(int number)
{
    char const text[] = {
        's', 'i', 'g', static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10),
        '\n'};
    if (::write(STDOUT_FILENO, text, sizeof text) < 0)
        std::_Exit(97);
}

volatile sig_atomic_t code_to_leave_with = 0;

extern "C" void leave_at_signal(int)
{
    std::_Exit(code_to_leave_with);
}

void set_handler(int number, void (*handler)(int))
{
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    if (::sigaction(number, &action, nullptr) != 0)
        die("sigaction");
}

/// A signal, with an exit code.
void leave_at(script& words)
{
    auto const signal = static_cast<int>(words.number());
    code_to_leave_with = static_cast<int>(words.number());
    set_handler(signal, leave_at_signal);
}

/// So that "await-signal" cannot miss it.
void block_signal(int number)
{
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, number);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

void await_signal(int number)
{
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, number);
    int got = 0;
    ::sigwait(&set, &got);
    say("sig" + std::to_string(got));
}

void show_signals()
{
    sigset_t blocked;
    ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
    std::string text;
    for (int n = 1; n <= 64; ++n) {
        if (::sigismember(&blocked, n) == 1)
            text += " blocked " + std::to_string(n);
        struct sigaction action {};
        if (::sigaction(n, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
            text += " ignored " + std::to_string(n);
    }
    say("signals:" + text);
}

/// The process that the environment names.
void kill_child(int number)
{
    char const* const pid = std::getenv("CHILD_PID");
    if (!pid || ::kill(std::atoi(pid), number) != 0)
        die("kill");
}

void spin(long milliseconds)
{
    while (std::clock() * 1000 / CLOCKS_PER_SEC < milliseconds)
        continue;
}

int integer(script& words)
{
    return static_cast<int>(words.number());
}

} // namespace

std::span<verb const> signal_verbs()
{
    static constexpr verb verbs[] = {
        {"exit", [](script& words) { std::_Exit(integer(words)); }},
        {"raise", [](script& words) { ::raise(integer(words)); }},
        {"ignore", [](script& words) { set_handler(integer(words), SIG_IGN); }},
        {"report", [](script& words) { set_handler(integer(words), report_signal); }},
        {"leave", leave_at},
        {"block", [](script& words) { block_signal(integer(words)); }},
        {"await-signal", [](script& words) { await_signal(integer(words)); }},
        {"signals", [](script&) { show_signals(); }},
        {"kill", [](script& words) { kill_child(integer(words)); }},
        {"pause", [](script&) { ::pause(); }},
        {"pause-forever",
         [](script&) {
             for (;;)
                 ::pause();
         }},
        {"spin", [](script& words) { spin(words.number()); }}, // CPU time, in milliseconds
    };
    return verbs;
}

} // namespace puppet
