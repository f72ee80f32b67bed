// The yardstick: posix_spawn(3), waitpid(2), blocking reads and writes, nothing around them.

#include "peers/peer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <queue>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace benchmark {
namespace {

class file_actions {
public:
    file_actions() { ::posix_spawn_file_actions_init(&actions_); }
    file_actions(file_actions const&) = delete;
    file_actions& operator=(file_actions const&) = delete;
    ~file_actions() { ::posix_spawn_file_actions_destroy(&actions_); }
    void connect(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
    [[nodiscard]] posix_spawn_file_actions_t const* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_;
};

struct pipe_pair {
    pipe_pair() { verify(::pipe2(ends, O_CLOEXEC) == 0, "pipe"); }
    int ends[2];
};

pid_t start(std::string const& program, std::string const& argument = "",
            file_actions const* actions = nullptr)
{
    std::string file = program;
    std::string word = argument;
    char* const words[] = {file.data(), argument.empty() ? nullptr : word.data(), nullptr};
    pid_t pid = 0;
    verify(::posix_spawn(&pid, file.c_str(), actions ? actions->get() : nullptr, nullptr, words,
                         environ) == 0,
           "posix_spawn");
    return pid;
}

int reap(pid_t pid)
{
    int status = -1;
    while (::waitpid(pid, &status, 0) < 0)
        verify(errno == EINTR, "waitpid");
    return status;
}

void spawn_all(std::string const& program, long long n, long long concurrent)
{
    long long begun = 0;
    for (long long running = 0, done = 0; done < n;) {
        while (begun < n && running < concurrent) {
            start(program);
            ++begun;
            ++running;
        }
        verify(reap(-1) == 0, "a child did not exit with 0");
        --running;
        ++done;
    }
}

std::vector<pid_t> start_idle(long long n)
{
    std::string const program = helper("pb_pause");
    std::vector<pid_t> all;
    for (long long i = 0; i < n; ++i)
        all.push_back(start(program));
    return all;
}

void end_all(std::vector<pid_t> const& all, int signal)
{
    for (pid_t const pid : all)
        ::kill(pid, signal);
    for (pid_t const pid : all) {
        int const status = reap(pid);
        verify(WIFSIGNALED(status) && WTERMSIG(status) == signal, "a child ended in another way");
    }
}

class idle_children {
public:
    explicit idle_children(long long n) : held_(start_idle(n)) {}

    void run(std::string const& program) const
    {
        verify(reap(start(program)) == 0, "a child did not exit with 0");
    }
    void end() const { end_all(held_, SIGKILL); }

private:
    std::vector<pid_t> held_;
};

boost::json::object many_idle(arguments const& args)
{
    long long const n = args.number(0);
    long const before = status_kib("VmRSS");
    section measured;
    auto const begin = clock::now();
    auto const all = start_idle(n);
    double const started = seconds_since(begin);
    long const after = status_kib("VmRSS");
    double const cpu_before = cpu_seconds();
    ::usleep(200'000);
    double const hold_cpu = cpu_seconds() - cpu_before;
    verify(::waitpid(-1, nullptr, WNOHANG) == 0, "a child ended while it was held");
    auto const stop_begin = clock::now();
    end_all(all, SIGTERM);
    double const stopped = seconds_since(stop_begin);
    measured.stop();
    auto report = measured.report("many_idle");
    report["n"] = n;
    report["start_s"] = started;
    report["stop_s"] = stopped;
    report["rss_before_kb"] = before;
    report["rss_after_kb"] = after;
    report["rss_per_child_kb"] = static_cast<double>(after - before) / static_cast<double>(n);
    report["hold_cpu_s"] = hold_cpu;
    return report;
}

boost::json::object capture(arguments const& args)
{
    std::vector<char> buffer(64 * 1024);
    long long got = 0;
    section measured;
    pipe_pair const output;
    file_actions actions;
    actions.connect(output.ends[1], STDOUT_FILENO);
    pid_t const pid = start(helper("pb_write"), args.text(0, "0"), &actions);
    ::close(output.ends[1]);
    for (ssize_t size; (size = ::read(output.ends[0], buffer.data(), buffer.size())) > 0;)
        got += size;
    int const status = reap(pid);
    measured.stop();
    ::close(output.ends[0]);
    verify(status == 0 && got == args.number(0), "a wrong number of bytes was captured");
    return capture_report(measured, got);
}

boost::json::object echo_latency(arguments const& args)
{
    pipe_pair const input;
    pipe_pair const output;
    file_actions actions;
    actions.connect(input.ends[0], STDIN_FILENO);
    actions.connect(output.ends[1], STDOUT_FILENO);
    pid_t const pid = start(helper("pb_echo"), "", &actions);
    ::close(input.ends[0]);
    ::close(output.ends[1]);
    std::array<char, 64> message{};
    auto const round_trip = [&] {
        verify(::write(input.ends[1], message.data(), message.size()) == 64, "write");
        for (std::size_t got = 0; got < message.size();) {
            ssize_t const size = ::read(output.ends[0], message.data() + got, message.size() - got);
            verify(size > 0, "the echo has ended");
            got += static_cast<std::size_t>(size);
        }
    };
    for (int i = 0; i < 50; ++i)
        round_trip();
    std::vector<double> times;
    section measured;
    for (long long i = 0; i < args.number(0); ++i) {
        auto const begin = clock::now();
        round_trip();
        times.push_back(seconds_since(begin) * 1e6);
    }
    measured.stop();
    ::close(input.ends[1]);
    verify(reap(pid) == 0, "the echo did not exit with 0");
    ::close(output.ends[0]);
    return latency_report(measured, "echo_latency", times);
}

/// Sends each signal when it is due and reaps meanwhile: one thread that sleeps in sigtimedwait(2).
class kill_schedule {
public:
    explicit kill_schedule(std::vector<pid_t> children) : children_(std::move(children))
    {
        for (std::size_t i = 0; i < children_.size(); ++i)
            index_[children_[i]] = i;
        asked_.resize(children_.size());
    }

    void run(std::chrono::milliseconds gap)
    {
        auto const begin = clock::now();
        for (std::size_t i = 0; i < children_.size(); ++i)
            due_.push({begin + gap * static_cast<int>(i), i, SIGTERM});
        sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGCHLD);
        while (exits.size() < children_.size()) {
            auto const next =
                due_.empty() ? clock::now() + std::chrono::seconds(5) : due_.top().when;
            auto const left = std::max(next - clock::now(), clock::duration::zero());
            timespec const time{static_cast<time_t>(left / std::chrono::seconds(1)),
                                static_cast<long>((left % std::chrono::seconds(1)).count())};
            ::sigtimedwait(&set, nullptr, &time);
            send_what_is_due();
            reap_what_ended();
        }
    }

    std::vector<double> kills, exits; // milliseconds after the deadline

private:
    struct entry {
        clock::time_point when;
        std::size_t child;
        int signal;
        bool operator<(entry const& other) const { return when > other.when; } // earliest on top
    };

    void send_what_is_due()
    {
        while (!due_.empty() && due_.top().when <= clock::now()) {
            entry const now = due_.top();
            due_.pop();
            if (now.signal == SIGTERM) {
                asked_[now.child] = clock::now();
                due_.push({asked_[now.child] + std::chrono::milliseconds(200), now.child, SIGKILL});
            }
            ::kill(children_[now.child], now.signal);
            if (now.signal == SIGKILL)
                kills.push_back((seconds_since(asked_[now.child]) - 0.2) * 1e3);
        }
    }

    void reap_what_ended()
    {
        int status = 0;
        for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
            verify(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "ended in another way");
            exits.push_back((seconds_since(asked_[index_[pid]]) - 0.2) * 1e3);
        }
    }

    std::vector<pid_t> children_;
    std::map<pid_t, std::size_t> index_;
    std::vector<clock::time_point> asked_;
    std::priority_queue<entry> due_;
};

boost::json::object timeout_accuracy(arguments const& args)
{
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGCHLD);
    std::vector<pid_t> children;
    for (long long i = 0; i < args.number(0); ++i) {
        pipe_pair const output;
        file_actions actions;
        actions.connect(output.ends[1], STDOUT_FILENO);
        children.push_back(start(helper("pb_stubborn"), "", &actions));
        ::close(output.ends[1]);
        char byte = 0;
        verify(::read(output.ends[0], &byte, 1) == 1, "a child is not ready");
        ::close(output.ends[0]);
    }
    ::sigprocmask(SIG_BLOCK, &set, nullptr); // only now: the children would inherit it
    kill_schedule schedule(children);
    section measured;
    schedule.run(std::chrono::milliseconds(args.number(1, 2)));
    measured.stop();
    auto report = measured.report("timeout_accuracy");
    report["n"] = args.number(0);
    report["min_ms"] = percentile(schedule.kills, 0);
    report["p50_ms"] = percentile(schedule.kills, 0.5);
    report["p99_ms"] = percentile(schedule.kills, 0.99);
    report["max_ms"] = percentile(schedule.kills, 1);
    report["exit_p50_ms"] = percentile(schedule.exits, 0.5);
    report["exit_p99_ms"] = percentile(schedule.exits, 0.99);
    report["exit_max_ms"] = percentile(schedule.exits, 1);
    return report;
}

} // namespace
} // namespace benchmark

int main(int argc, char** argv)
{
    using namespace benchmark;
    return peer_main(argc, argv,
                     {{"spawn_wait", spawn_wait<spawn_all>},
                      {"spawn_rss", spawn_rss<spawn_all>},
                      {"idle_load", idle_load<idle_children>},
                      {"many_idle", many_idle},
                      {"capture", capture},
                      {"echo_latency", echo_latency},
                      {"timeout_accuracy", timeout_accuracy}});
}
