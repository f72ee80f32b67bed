// port_fuzz FRAMES [SEED]: gives damaged frames to ports, which live in a process of their own.
// They may refuse them or end, but not crash, hang or grow. Exits with 1 when one did, and tells by
// which frame. To be run where nothing else can be harmed: port_fuzz.sh.

#include "../../tools/exec-port/decode_request.hpp"
#include "../../tools/exec-port/log.hpp"
#include "../../tools/exec-port/port.hpp"
#include "etf.hpp"
#include "mutator.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int patience_ms = 20'000;
constexpr int frames_of_a_port = 200;

int checked(int result, char const* call)
{
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), call);
    return result;
}

/// One port after another, each for the next connection.
[[noreturn]] void serve(int listener)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // As the program does.
    checked(::setsid(), "setsid");
    ::signal(SIGPIPE, SIG_IGN);
    for (int const fd : {3, 4}) // not to be given to anything else
        checked(::dup2(listener, fd), "dup2");
    execasio::prepare_spawning();
    exec_port::log::threshold = exec_port::log::severity::error;
    if (int const error = exec_port::log::to_file("/dev/null"); error != 0)
        throw std::system_error(error, std::generic_category(), "/dev/null");
    exec_port::settings s;
    s.numbered_descriptors = true;
    s.guard = false;
    exec_port::rights const r("/nonexistent");
    for (;;) {
        int const accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted < 0 && errno == EINVAL) // shut down
            std::exit(0);                    // and what has leaked is told of
        checked(accepted, "accept4");
        int const connection = checked(::fcntl(accepted, F_DUPFD_CLOEXEC, 5), "fcntl");
        ::close(accepted); // 3, when there was a port before
        for (int const fd : {3, 4})
            checked(::dup3(connection, fd, O_CLOEXEC), "dup3");
        ::close(connection);
        boost::asio::io_context context(1);
        exec_port::port p(context, s, r);
        if (p.run() != exec_port::exit_code::ok)
            std::abort();
    }
}

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor const&) = delete;
    descriptor& operator=(descriptor const&) = delete;
    ~descriptor() { ::close(fd_); }

    int get() const noexcept { return fd_; }

private:
    int fd_;
};

/// Above 3 and 4, which are for ports.
int new_socket()
{
    descriptor const any(checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    return checked(::fcntl(any.get(), F_DUPFD_CLOEXEC, 5), "fcntl");
}

/// The process that the ports live in.
class server {
public:
    server() : listener_(new_socket())
    {
        address_.sun_family = AF_UNIX;
        auto* const address = reinterpret_cast<sockaddr*>(&address_);
        // The kernel finds a name.
        checked(::bind(listener_.get(), address, sizeof(sa_family_t)), "bind");
        checked(::getsockname(listener_.get(), address, &size_), "getsockname");
        checked(::listen(listener_.get(), 1), "listen");
        pid_ = checked(::fork(), "fork");
        if (pid_ == 0)
            serve(listener_.get());
        pidfd_ = checked(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
    }
    server(server const&) = delete;
    server& operator=(server const&) = delete;
    ~server()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(pidfd_);
    }

    void connect(descriptor const& fd) const
    {
        checked(::connect(fd.get(), reinterpret_cast<sockaddr const*>(&address_), size_),
                "connect");
    }

    /// In order, with all that a sanitizer has to say.
    void finish() const
    {
        checked(::shutdown(listener_.get(), SHUT_RD), "shutdown");
        pollfd p{pidfd_, POLLIN, 0};
        if (checked(::poll(&p, 1, patience_ms), "poll") == 0)
            throw std::runtime_error("does not end");
        if (how_it_ended() != "exit code 0")
            throw std::runtime_error("ended by " + how_it_ended());
    }

    /// Readable when it has ended.
    int end() const noexcept { return pidfd_; }

    std::string how_it_ended() const
    {
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
        return (info.si_code == CLD_EXITED ? "exit code " : "signal ") +
               std::to_string(info.si_status);
    }

    long memory_in_kib() const
    {
        std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
        long all = 0;
        long resident = 0;
        file >> all >> resident;
        return resident * (::sysconf(_SC_PAGESIZE) / 1024);
    }

    long descriptors() const
    {
        long count = 0;
        for ([[maybe_unused]] auto const& entry :
             std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd"))
            ++count;
        return count;
    }

private:
    descriptor listener_;
    sockaddr_un address_{};
    socklen_t size_ = sizeof address_;
    pid_t pid_ = 0;
    int pidfd_ = -1;
};

/// A port, as the VM has it.
class client {
public:
    explicit client(server const& s) : server_(s), fd_(new_socket()) { s.connect(fd_); }

    /// @return Whether it lives: it may also end, by a frame that is no request.
    bool survives(std::vector<char> const& frame)
    {
        send(std::string_view(frame.data(), frame.size()));
        return answers();
    }

    bool answers()
    {
        std::string const id = etf::number(0x1000000 + ++requests_);
        std::string const list = etf::tuple({id, etf::tuple({etf::atom("list")})});
        send("\x83" + list);
        return is_answered("\x83h\x02" + id);
    }

private:
    void send(std::string_view content)
    {
        std::string bytes = etf::big_endian(content.size(), 2);
        bytes += content;
        for (std::string_view rest = bytes; !rest.empty();) {
            await(POLLOUT);
            ssize_t const sent =
                ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno != EAGAIN)
                return; // it has ended, which is seen when the answer is awaited
            rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
        }
    }

    bool is_answered(std::string const& beginning)
    {
        for (;;) {
            while (received_.size() >= 2) {
                std::size_t const size = static_cast<unsigned char>(received_[0]) * 256U +
                                         static_cast<unsigned char>(received_[1]);
                if (received_.size() < 2 + size)
                    break;
                bool const found = received_.compare(2, beginning.size(), beginning) == 0;
                received_.erase(0, 2 + size);
                if (found)
                    return true;
            }
            await(POLLIN);
            char part[65536];
            ssize_t const size = ::recv(fd_.get(), part, sizeof part, 0);
            if (size <= 0)
                return false;
            received_.append(part, static_cast<std::size_t>(size));
        }
    }

    void await(short event)
    {
        pollfd fds[] = {{fd_.get(), event, 0}, {server_.end(), POLLIN, 0}};
        if (checked(::poll(fds, 2, patience_ms), "poll") == 0)
            throw std::runtime_error("no answer within " + std::to_string(patience_ms / 1000) +
                                     " s");
        if (fds[1].revents != 0)
            throw std::runtime_error("ended by " + server_.how_it_ended());
    }

    server const& server_;
    descriptor fd_;
    int requests_ = 0;
    std::string received_;
};

std::string hex(std::vector<char> const& bytes)
{
    std::string out;
    char digits[3];
    for (char const c : bytes) {
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
        out += digits;
    }
    return out;
}

/// Most of what is damaged is no request any more, which ends a port: one in eight will do.
std::vector<char> next_frame(test::mutator& source)
{
    for (int refused = 0;;) {
        std::vector<char> frame = source.frame();
        if (exec_port::decode_request({frame.data(), frame.size()}) || ++refused == 8)
            return frame;
    }
}

/// Some of what the last port had may be on its way out: looked at for a second, or until there are
/// no more than so many.
long descriptors_at_rest(server const& all, long expected)
{
    long least = std::numeric_limits<long>::max();
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (least > expected && std::chrono::steady_clock::now() < end) {
        client c(all);
        if (!c.answers())
            throw std::runtime_error("a new port ends");
        least = std::min(least, all.descriptors());
    }
    return least;
}

int fuzz(long frames, unsigned seed)
{
    test::mutator next(seed);
    server const all;
    std::vector<char> frame;
    long ports = 0;
    long number = 0;
    long ended = 0;
    long memory = 0;
    long descriptors = 0;
    try {
        // The first tenth is for what is only needed once.
        for (long const end : {frames / 10, frames}) {
            while (number < end) {
                client c(all);
                // Else it was the last frame's doing, which has ended all ports.
                if (!c.answers())
                    throw std::runtime_error("the next port ends, too");
                ++ports;
                for (int i = 0; i < frames_of_a_port && number < end; ++i) {
                    frame = next_frame(next);
                    ++number;
                    if (!c.survives(frame)) {
                        ++ended;
                        break;
                    }
                }
            }
            if (end != frames) {
                descriptors = descriptors_at_rest(all, 0);
                memory = all.memory_in_kib();
            }
        }
        descriptors = descriptors_at_rest(all, descriptors) - descriptors;
        memory = all.memory_in_kib() - memory;
        all.finish();
    } catch (std::exception const& e) {
        std::cout << "frame " << number << " of seed " << seed << ": " << e.what() << '\n'
                  << hex(frame) << '\n';
        return 1;
    }
    std::cout << number << " frames to " << ports << " ports, " << ended
              << " of which ended by one; " << memory << " KiB and " << descriptors
              << " descriptors more than after a tenth\n";
    // If most ports ended at once, nothing was tested.
    return memory < 8 * 1024 && descriptors <= 0 && ended < number / 4 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    long const frames = argc == 2 || argc == 3 ? std::atol(argv[1]) : 0;
    if (frames < 10) {
        std::cerr << "usage: port_fuzz FRAMES [SEED]: at least 10\n";
        return 2;
    }
    try {
        return fuzz(frames, argc > 2 ? static_cast<unsigned>(std::atol(argv[2])) : 1);
    } catch (std::exception const& e) {
        std::cerr << "port_fuzz: " << e.what() << '\n';
        return 1;
    }
}
