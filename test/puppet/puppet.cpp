// The child side of the tests: does what its arguments say, one verb after the other, and tells on
// standard output what it has done, so that tests wait for conditions and not for time.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

[[noreturn]] void die(std::string const& what)
{
    std::cerr << "puppet: " << what << ": " << std::strerror(errno) << std::endl;
    std::_Exit(99);
}

void say(std::string const& text)
{
    std::string const line = text + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        std::_Exit(98);
}

void write_bytes(std::size_t count, char byte)
{
    std::vector<char> const block(64 * 1024, byte);
    while (count != 0) {
        ssize_t const n = ::write(STDOUT_FILENO, block.data(), std::min(count, block.size()));
        if (n < 0)
            die("write");
        count -= static_cast<std::size_t>(n);
    }
}

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

void list_descriptors()
{
    std::string open;
    for (int fd = 0; fd < 4096; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0)
            open += (open.empty() ? "" : " ") + std::to_string(fd);
    say(open);
}

void signal_state()
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

void copy_input()
{
    std::vector<char> block(64 * 1024);
    for (;;) {
        ssize_t const n = ::read(STDIN_FILENO, block.data(), block.size());
        if (n == 0)
            return;
        if (n < 0)
            die("read");
        for (ssize_t done = 0; done < n;) {
            ssize_t const w =
                ::write(STDOUT_FILENO, block.data() + done, static_cast<std::size_t>(n - done));
            if (w < 0)
                die("write");
            done += w;
        }
    }
}

std::size_t count_input()
{
    std::vector<char> block(64 * 1024);
    std::size_t total = 0;
    while (true) {
        ssize_t const n = ::read(STDIN_FILENO, block.data(), block.size());
        if (n <= 0)
            return total;
        total += static_cast<std::size_t>(n);
    }
}

void write_all(std::string const& text)
{
    for (std::size_t done = 0; done < text.size();) {
        ssize_t const n = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
        if (n < 0)
            die("write");
        done += static_cast<std::size_t>(n);
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
        write_all(block);
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
        write_all(block);
}

/// Becomes a process's tracer, which then gets to see its zombie first, until the input ends.
void trace(pid_t pid)
{
    if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) {
        say("refused");
        return;
    }
    say("traced");
    count_input();
}

/// Runs the verbs that follow in a child of its own.
bool fork_here(bool new_session)
{
    pid_t const pid = ::fork();
    if (pid < 0)
        die("fork");
    if (pid == 0 && new_session)
        ::setsid();
    return pid == 0;
}

/// Runs the verbs that follow in a child of its own that has a session of its own and no parent.
bool daemonize()
{
    pid_t const pid = ::fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        ::setsid();
        if (::fork() > 0)
            std::_Exit(0);
        return true;
    }
    ::waitpid(pid, nullptr, 0);
    return false;
}

/// A family that never stands still: each generation starts the next one and ends. Not faster than
/// an init process can bury them, and not for ever, should nobody catch it.
[[noreturn]] void flee(bool new_session)
{
    for (int generation = 0; generation < 3000; ++generation) {
        ::usleep(1000);
        pid_t const pid = ::fork();
        if (pid < 0)
            die("fork");
        if (pid > 0)
            std::_Exit(0);
        if (new_session)
            ::setsid();
    }
    std::_Exit(0);
}

void set_handler(int number, void (*handler)(int))
{
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    if (::sigaction(number, &action, nullptr) != 0)
        die("sigaction");
}

void change_mask(int how, int number)
{
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, number);
    ::sigprocmask(how, &set, nullptr);
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

/// For ever a line at a time, with a pause between two.
void tick(long milliseconds)
{
    timespec const pause{milliseconds / 1000, milliseconds % 1000 * 1000000};
    for (;;) {
        say("tick");
        ::nanosleep(&pause, nullptr);
    }
}

template <class Address>
void listen_at(int family, Address const& address)
{
    int const fd = ::socket(family, SOCK_STREAM, 0);
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 ||
        ::listen(fd, 5) != 0)
        die("listen");
}

void listen_tcp(long port, bool version_6)
{
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(static_cast<std::uint16_t>(port));
    six.sin6_addr = in6addr_loopback;
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = six.sin6_port;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (version_6)
        listen_at(AF_INET6, six);
    else
        listen_at(AF_INET, four);
}

void listen_unix(std::string const& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listen_at(AF_UNIX, address);
}

} // namespace

int main(int argc, char** argv)
{
    std::vector<std::string> const words(argv + 1, argv + argc);
    auto at = words.begin();
    auto const more = [&] { return at != words.end(); };
    auto const next = [&]() -> std::string {
        if (!more())
            die("an argument is missing");
        return *at++;
    };
    auto const number = [&] { return std::stol(next()); };
    while (more()) {
        std::string const verb = next();
        if (verb == "exit")
            std::_Exit(static_cast<int>(number()));
        else if (verb == "say")
            say(next());
        else if (verb == "err") {
            std::string const text = next() + "\n";
            if (::write(STDERR_FILENO, text.data(), text.size()) < 0)
                die("write");
        } else if (verb == "raise")
            ::raise(static_cast<int>(number()));
        else if (verb == "ignore")
            set_handler(static_cast<int>(number()), SIG_IGN);
        else if (verb == "report")
            set_handler(static_cast<int>(number()), report_signal);
        else if (verb == "leave") { // at a signal, with an exit code
            auto const signal = static_cast<int>(number());
            code_to_leave_with = static_cast<int>(number());
            set_handler(signal, leave_at_signal);
        } else if (verb == "block") // a signal, so that "await-signal" cannot miss it
            change_mask(SIG_BLOCK, static_cast<int>(number()));
        else if (verb == "await-signal")
            await_signal(static_cast<int>(number()));
        else if (verb == "pause")
            ::pause();
        else if (verb == "pause-forever")
            for (;;)
                ::pause();
        else if (verb == "write")
            write_bytes(static_cast<std::size_t>(number()), 'x');
        else if (verb == "write-forever")
            write_bytes(~std::size_t{0}, 'y');
        else if (verb == "lines")
            write_lines(static_cast<std::size_t>(number()));
        else if (verb == "repeat-lines")
            repeat_lines(static_cast<std::size_t>(number()));
        else if (verb == "print") { // without a newline
            std::string const text = next();
            if (::write(STDOUT_FILENO, text.data(), text.size()) < 0)
                die("write");
        } else if (verb == "await") { // one byte of standard input, or its end
            char byte;
            if (::read(STDIN_FILENO, &byte, 1) < 0)
                die("read");
        } else if (verb == "cat")
            copy_input();
        else if (verb == "count")
            say(std::to_string(count_input()));
        else if (verb == "window") {
            winsize w{};
            say(::ioctl(STDIN_FILENO, TIOCGWINSZ, &w) != 0
                    ? "none"
                    : std::to_string(w.ws_row) + " " + std::to_string(w.ws_col));
        } else if (verb == "controlling-terminal") {
            int const fd = ::open("/dev/tty", O_RDWR | O_NOCTTY);
            say(fd >= 0 && ::tcgetpgrp(fd) == ::getpgrp() ? "yes" : "no");
        } else if (verb == "close")
            ::close(static_cast<int>(number()));
        else if (verb == "trace")
            trace(static_cast<pid_t>(number()));
        else if (verb == "kill") { // the process that the environment names
            char const* const pid = std::getenv("CHILD_PID");
            if (!pid || ::kill(std::atoi(pid), static_cast<int>(number())) != 0)
                die("kill");
        } else if (verb == "core-limit") {
            auto const bytes = static_cast<rlim_t>(number());
            rlimit const limit{bytes, bytes};
            if (::setrlimit(RLIMIT_CORE, &limit) != 0)
                die("setrlimit");
        } else if (verb == "fds")
            list_descriptors();
        else if (verb == "signals")
            signal_state();
        else if (verb == "args") {
            say(argv[0]);
            while (more())
                say("[" + next() + "]");
        } else if (verb == "env")
            for (char** entry = environ; *entry; ++entry)
                say(*entry);
        else if (verb == "getenv") {
            char const* const value = std::getenv(next().c_str());
            say(value ? std::string("=") + value : "unset");
        } else if (verb == "pwd") {
            std::vector<char> path(4096);
            say(::getcwd(path.data(), path.size()) ? path.data() : "none");
        } else if (verb == "ids")
            say(std::to_string(::getpid()) + " " + std::to_string(::getpgrp()) + " " +
                std::to_string(::getsid(0)));
        else if (verb == "umask") {
            std::vector<char> text(16);
            std::snprintf(text.data(), text.size(), "%03o", static_cast<unsigned>(::umask(0)));
            say(text.data());
        } else if (verb == "nice")
            say(std::to_string(::getpriority(PRIO_PROCESS, 0)));
        else if (verb == "readfd") {
            std::vector<char> text(256);
            ssize_t const n = ::read(static_cast<int>(number()), text.data(), text.size());
            say(n < 0 ? "error" : std::string(text.data(), static_cast<std::size_t>(n)));
        } else if (verb == "link") {
            std::string const path = "/proc/self/fd/" + next();
            std::vector<char> target(4096);
            ssize_t const n = ::readlink(path.c_str(), target.data(), target.size());
            say(n < 0 ? "closed" : std::string(target.data(), static_cast<std::size_t>(n)));
        } else if (verb == "spin") { // CPU time, in milliseconds
            long const wanted = number();
            while (std::clock() * 1000 / CLOCKS_PER_SEC < wanted) {
            }
        } else if (verb == "fork") { // the parent skips what follows up to "join"
            if (!fork_here(false))
                while (more() && next() != "join") {
                }
        } else if (verb == "fork-session") {
            if (!fork_here(true))
                while (more() && next() != "join") {
                }
        } else if (verb == "daemon") {
            if (!daemonize())
                while (more() && next() != "join") {
                }
        } else if (verb == "flee")
            flee(false);
        else if (verb == "flee-sessions")
            flee(true);
        else if (verb == "join")
            std::_Exit(0);
        else if (verb == "writefd") {
            auto const fd = static_cast<int>(number());
            std::string const text = next();
            if (::write(fd, text.data(), text.size()) < 0)
                die("write");
        } else if (verb == "tick")
            tick(number());
        else if (verb == "listen-tcp")
            listen_tcp(number(), false);
        else if (verb == "listen-tcp6")
            listen_tcp(number(), true);
        else if (verb == "listen-unix")
            listen_unix(next());
        else if (verb == "scheduler") { // policy and real-time priority
            sched_param parameter{};
            ::sched_getparam(0, &parameter);
            say(std::to_string(::sched_getscheduler(0)) + " " +
                std::to_string(parameter.sched_priority));
        } else if (verb == "io-priority") { // class and level
            long const value = ::syscall(SYS_ioprio_get, 1, 0);
            say(std::to_string(value >> 13) + " " + std::to_string(value & 7));
        } else if (verb == "securebits")
            say(std::to_string(::prctl(PR_GET_SECUREBITS)));
        else if (verb == "parent-death-signal") {
            int armed = 0;
            ::prctl(PR_GET_PDEATHSIG, &armed);
            say(std::to_string(armed));
        } else
            die("unknown verb " + verb);
    }
    return 0;
}
