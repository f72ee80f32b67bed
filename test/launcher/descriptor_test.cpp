#include "support/conditions.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::error_code;
using execasio::exit_record;
using execasio::process;
using execasio::stage;
using execasio::stream;
using test::ensure;
using test::failure_in_fork;
using test::has_ended;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;

namespace {

std::set<int> open_numbers()
{
    std::set<int> numbers;
    for (int fd = 3; fd < 1024; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0)
            numbers.insert(fd);
    return numbers;
}

ino_t inode_of(int fd)
{
    struct stat s {};
    ensure(::fstat(fd, &s) == 0, "fstat");
    return s.st_ino;
}

void be_descriptor_limited(rlim_t count)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = count;
    ensure(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

/// As many descriptors as wanted, if the limits allow.
class open_descriptors_held {
public:
    explicit open_descriptors_held(std::size_t count)
    {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        before_ = limit;
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, count + 1000);
        ::setrlimit(RLIMIT_NOFILE, &limit);
        for (std::size_t i = 0; i < count; ++i) {
            int const fd = ::fcntl(2, F_DUPFD_CLOEXEC, 3);
            if (fd < 0)
                break;
            held_.push_back(fd);
        }
    }
    open_descriptors_held(open_descriptors_held const&) = delete;
    open_descriptors_held& operator=(open_descriptors_held const&) = delete;
    ~open_descriptors_held()
    {
        for (int const fd : held_)
            ::close(fd);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }
    [[nodiscard]] std::size_t size() const { return held_.size(); }

private:
    std::vector<int> held_;
    rlimit before_{};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(launcher, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_child_does_not_copy_thousands_of_descriptors)
{
    open_descriptors_held const held(5000);
    BOOST_TEST_INFO("descriptors held: " << held.size());
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        if (held.size() < 3000) {
            BOOST_TEST_MESSAGE("skipped: the limit of descriptors is too low");
            co_return;
        }
        command cmd = puppet("fds", "await");
        cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
        process p = execasio::spawn(ex, cmd);
        auto const line = co_await p.output().read_line();
        BOOST_TEST(line.value() == "0 1 2");
        // The size that the table has had at its largest.
        BOOST_TEST(std::stoul(test::status_of(p.id(), "FDSize")) <= 256u);
        p.input().close();
        exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 0);
    });
}

/// Other code may start programs, too, and knows nothing of ours.
BOOST_AUTO_TEST_CASE(every_descriptor_is_closed_by_exec)
{
    BOOST_TEST(failure_in_fork([] {
                   std::set<int> const before = open_numbers();
                   asio::io_context context(1);
                   auto const ex = context.get_executor();
                   execasio::prepare_spawning();
                   execasio::guardian const guardian(ex);
                   command piped = puppet("pause-forever");
                   piped.input(stream::pipe).output(stream::pipe).error(stream::pipe);
                   process const p = execasio::spawn(ex, piped);
                   command terminal = puppet("pause-forever");
                   terminal.terminal(execasio::terminal_options());
                   process const q = execasio::spawn(ex, terminal);
                   std::size_t count = 0;
                   for (int const fd : open_numbers()) {
                       if (before.contains(fd))
                           continue;
                       ++count;
                       ensure((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
                              "descriptor " + std::to_string(fd) + " is passed on");
                   }
                   ensure(count >= 10, "there are " + std::to_string(count));
               }) == "");
}

/// A daemon may close all descriptors, those that the library has reserved as well, and get the
/// numbers again for something else.
BOOST_AUTO_TEST_CASE(a_reserved_number_that_was_taken_away_is_left_alone)
{
    BOOST_TEST(
        failure_in_fork([] {
            execasio::prepare_spawning();
            std::size_t closed = 0;
            for (int const fd : open_numbers()) {
                std::error_code ignored;
                auto const link =
                    std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
                if (link.string().find("execasio-reserved") != std::string::npos)
                    closed += ::close(fd) == 0 ? 1U : 0U;
            }
            ensure(closed > 1, "nothing is reserved");
            std::map<int, ino_t> others; // all low numbers are in use now
            while (others.empty() || others.rbegin()->first < 64) {
                int const file = ::memfd_create("other", MFD_CLOEXEC);
                others[file] = inode_of(file);
            }
            asio::io_context context(1);
            command cmd = puppet("say", "out");
            cmd.input(stream::pipe).output(stream::pipe);
            process const p = execasio::spawn(context.get_executor(), cmd);
            for (auto const& [fd, inode] : others)
                ensure(inode_of(fd) == inode, "descriptor " + std::to_string(fd) + " was taken");
        }) == "");
}

BOOST_AUTO_TEST_CASE(an_inherited_stream_outlives_exec_even_if_it_is_the_parents_to_lose)
{
    BOOST_TEST(failure_in_fork([] {
                   int const null = ::open("/dev/null", O_RDONLY);
                   ensure(null >= 0 && ::dup2(null, 0) == 0, "dup2");
                   ensure(::fcntl(0, F_SETFD, FD_CLOEXEC) == 0, "fcntl");
                   asio::io_context context(1);
                   command cmd = puppet("fds").output(stream::pipe).input(stream::inherit);
                   process p = execasio::spawn(context.get_executor(), cmd);
                   std::string line;
                   auto const read = [&]() -> asio::awaitable<void> {
                       auto const text = co_await p.output().read_line();
                       line = text.value_or("");
                       co_await p.wait();
                   };
                   asio::co_spawn(context, read, [](std::exception_ptr) {});
                   context.run();
                   ensure(line == "0 1 2", line);
               }) == "");
}

BOOST_AUTO_TEST_CASE(running_out_of_descriptors_at_any_step_is_an_error_that_leaks_nothing)
{
    std::map<stage, int> seen;
    for (rlim_t more = 0; more <= 14; ++more) {
        pipe_ends report;
        std::string const failure = failure_in_fork([&] {
            // As a program that has not launched anything yet, and one that has.
            for (bool const first : {true, false}) {
                asio::io_context context;
                auto const ex = context.get_executor();
                command cmd = puppet("exit", "0");
                cmd.input(stream::pipe).output(stream::pipe).error(stream::pipe);
                if (!first) {
                    process warm = execasio::spawn(ex, cmd);
                    warm.async_wait([](error_code, exit_record const&) {});
                    context.run();
                    context.restart();
                }
                std::size_t const before = test::open_descriptors();
                int const next = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
                ::close(next);
                std::vector<int> gaps; // so that exactly so many more can be opened
                for (int fd = next; fd < next + 64; ++fd)
                    if (::fcntl(fd, F_GETFD) < 0)
                        gaps.push_back(::fcntl(0, F_DUPFD_CLOEXEC, fd));
                for (int const fd : gaps)
                    ::close(fd);
                be_descriptor_limited(static_cast<rlim_t>(next) + more);
                stage where = stage::none;
                try {
                    process p = execasio::spawn(ex, cmd);
                    p.async_wait([](error_code, exit_record const&) {});
                    context.run();
                } catch (execasio::spawn_error const& e) {
                    where = e.where();
                    ensure(e.code().value() == EMFILE, e.what());
                }
                be_descriptor_limited(1000);
                ensure(!test::has_children(), "a child is left");
                if (!first || where == stage::pipe_input || where == stage::pipe_output ||
                    where == stage::pipe_error)
                    ensure(test::open_descriptors() == before, "a descriptor is left");
                auto const byte = static_cast<unsigned char>(where);
                ensure(::write(report.writer(), &byte, 1) == 1, "write");
            }
        });
        BOOST_TEST_INFO("descriptors left: " << more);
        BOOST_TEST(failure == "");
        report.close_writer();
        unsigned char byte;
        while (::read(report.reader(), &byte, 1) == 1)
            ++seen[static_cast<stage>(byte)];
    }
    for (stage const s : {stage::pipe_input, stage::pipe_output, stage::pipe_error, stage::watch,
                          stage::clone, stage::none})
        BOOST_TEST(seen[s] > 0, "never failed at: " << execasio::to_string(s));
    for (auto const& [where, count] : seen)
        BOOST_TEST_MESSAGE(execasio::to_string(where) << ": " << count);
}

BOOST_AUTO_TEST_CASE(a_stream_that_the_parent_has_closed_is_closed_in_the_child)
{
    for (int const number : {0, 2}) {
        std::string const failure = failure_in_fork([number] {
            asio::io_context context;
            auto const ex = context.get_executor();
            // What a launch opens by itself the first time is not to fill the gap.
            process warm = execasio::spawn(ex, puppet("exit", "0"));
            warm.async_wait([](error_code, exit_record const&) {});
            context.run();

            command cmd = puppet("link", std::to_string(number));
            cmd.output(stream::pipe);
            if (number != 0)
                cmd.input(stream::pipe);
            ::close(number); // one of the pipe's ends gets the number
            process p = execasio::spawn(ex, cmd);
            ensure(has_ended(p.id(), 10s), "it runs on");
            std::vector<char> text(100);
            error_code ec;
            std::size_t const size = p.output().try_read(asio::buffer(text), ec);
            ensure(std::string(text.data(), size) == "closed\n", std::string(text.data(), size));
            ensure(!p.poll(), "it is not reaped");
        });
        BOOST_TEST(failure == "");
    }
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_not_open_is_not_taken_for_one_that_is_made_here)
{
    asio::io_context context;
    int const free_number = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
    ::close(free_number); // the first that the launch itself opens gets it
    for (bool const standard : {false, true}) {
        command cmd = puppet("pause-forever");
        cmd.input(stream::pipe);
        if (standard)
            cmd.output(stream::descriptor(free_number));
        else
            cmd.descriptor(5, free_number);
        try {
            process const p = execasio::spawn(context.get_executor(), cmd);
            BOOST_ERROR("the spawn succeeded");
        } catch (execasio::spawn_error const& e) {
            BOOST_TEST(e.where() == stage::descriptors);
            BOOST_TEST(e.code().value() == EBADF);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
