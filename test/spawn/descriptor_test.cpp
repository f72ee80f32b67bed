#include "support/no_leaks.hpp"
#include "support/output_of.hpp"
#include "support/pipe.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/temporary_file.hpp"

#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::stream;
using test::output_of;
using test::pipe_ends;
using test::puppet;
using test::run_coroutine;
using test::temporary_file;

BOOST_FIXTURE_TEST_SUITE(spawn, test::no_leaks)

BOOST_AUTO_TEST_CASE(files_are_read_truncated_and_appended_to)
{
    temporary_file const in("input");
    temporary_file const out("old");
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("cat");
        cmd.input(stream::read(in.path())).output(stream::truncate(out.path()));
        BOOST_TEST(co_await output_of(cmd) == "");
        BOOST_TEST(out.content() == "input");
        cmd.output(stream::append(out.path()));
        BOOST_TEST(co_await output_of(cmd) == "");
        BOOST_TEST(out.content() == "inputinput");
    });
}

BOOST_AUTO_TEST_CASE(a_new_file_has_the_mode_given_less_the_umask)
{
    temporary_file const file;
    std::filesystem::remove(file.path());
    ::mode_t const mask = ::umask(022);
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("say", "x");
        cmd.output(stream::truncate(file.path(), 0666));
        co_await output_of(cmd);
        struct stat s {};
        BOOST_REQUIRE(::stat(file.path().c_str(), &s) == 0);
        BOOST_TEST((s.st_mode & 07777) == 0644u);
    });
    ::umask(mask);
}

BOOST_AUTO_TEST_CASE(null_and_closed_streams)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("link", "0", "link", "2");
        cmd.input(stream::null).error(stream::null);
        BOOST_TEST(co_await output_of(cmd) == "/dev/null\n/dev/null\n");
        cmd.input(stream::close).error(stream::close);
        BOOST_TEST(co_await output_of(cmd) == "closed\nclosed\n");
    });
}

BOOST_AUTO_TEST_CASE(streams_merge_either_way)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("say", "o", "err", "e", "say", "o");
        cmd.merge_error();
        execasio::run_result result = co_await execasio::run(cmd);
        BOOST_TEST(result.output.text == "o\ne\no\n");
        BOOST_TEST(result.error.total == 0u);

        command other = puppet("say", "o", "err", "e", "say", "o");
        other.merge_output();
        result = co_await execasio::run(other);
        BOOST_TEST(result.error.text == "o\ne\no\n");
        BOOST_TEST(result.output.total == 0u);
    });
}

BOOST_AUTO_TEST_CASE(the_parents_own_streams_can_be_swapped)
{
    temporary_file const one;
    temporary_file const two;
    int const saved[] = {::fcntl(1, F_DUPFD_CLOEXEC, 10), ::fcntl(2, F_DUPFD_CLOEXEC, 10)};
    int const first = ::open(one.path().c_str(), O_WRONLY | O_CLOEXEC);
    int const second = ::open(two.path().c_str(), O_WRONLY | O_CLOEXEC);
    asio::io_context context;
    command cmd = puppet("say", "o", "err", "e");
    cmd.output(stream::descriptor(2)).error(stream::descriptor(1));
    ::dup2(first, 1);
    ::dup2(second, 2);
    execasio::process p = execasio::spawn(context.get_executor(), cmd);
    ::dup2(saved[0], 1);
    ::dup2(saved[1], 2);
    for (int const fd : {saved[0], saved[1], first, second})
        ::close(fd);
    p.async_wait([](execasio::error_code, execasio::exit_record const&) {});
    context.run_for(test::scaled(std::chrono::seconds(20)));
    BOOST_TEST(one.content() == "e\n");
    BOOST_TEST(two.content() == "o\n");
}

BOOST_AUTO_TEST_CASE(standard_streams_that_the_parent_has_closed_do_not_confuse)
{
    int const saved = ::fcntl(0, F_DUPFD_CLOEXEC, 10);
    ::close(0); // the pipes made for the child now get number 0
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("count", "say", "o", "err", "e");
        execasio::run_options options;
        options.input("abc");
        execasio::run_result const result = co_await execasio::run(cmd, options);
        BOOST_TEST(result.output.text == "3\no\n");
        BOOST_TEST(result.error.text == "e\n");
    });
    if (saved >= 0) {
        ::dup2(saved, 0);
        ::close(saved);
    }
}

BOOST_AUTO_TEST_CASE(only_the_listed_descriptors_are_passed)
{
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0); // not close-on-exec, as other code's may be
    BOOST_REQUIRE(::write(ends[1], "hello", 5) == 5);
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("fds", "readfd", "7");
        cmd.descriptor(7, ends[0]);
        BOOST_TEST(co_await output_of(cmd) == "0 1 2 7\nhello\n");
        command swap = puppet("fds");
        swap.descriptor(ends[0], ends[1]).descriptor(ends[1], ends[0]);
        std::string const out = co_await output_of(swap);
        BOOST_TEST(out == "0 1 2 " + std::to_string(std::min(ends[0], ends[1])) + " " +
                              std::to_string(std::max(ends[0], ends[1])) + "\n");
    });
    ::close(ends[0]);
    ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(high_descriptors_reach_the_child)
{
    pipe_ends pipe;
    pipe.write("high");
    int const high = ::fcntl(pipe.reader(), F_DUPFD_CLOEXEC, 900);
    BOOST_REQUIRE(high >= 900);
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("fds", "readfd", "3");
        cmd.descriptor(3, high);
        BOOST_TEST(co_await output_of(cmd) == "0 1 2 3\nhigh\n");
    });
    ::close(high);
}

BOOST_AUTO_TEST_SUITE_END()
