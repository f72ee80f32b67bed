#include "support/no_leaks.hpp"
#include "support/output_of.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <signal.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::stream;
using test::output_of;
using test::puppet;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(spawn, test::no_leaks)

BOOST_AUTO_TEST_CASE(arguments_reach_the_program_as_they_are)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const out = co_await output_of(puppet("args", "a b", "", "$HOME", "*", "\n"));
        BOOST_TEST(out == test::puppet_path() + "\n[a b]\n[]\n[$HOME]\n[*]\n[\n]\n");
    });
}

BOOST_AUTO_TEST_CASE(argv0_can_differ_from_the_file)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd("another-name", "args");
        cmd.executable(test::puppet_path());
        BOOST_TEST(co_await output_of(cmd) == "another-name\n");
    });
}

BOOST_AUTO_TEST_CASE(a_shell_runs_a_line)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const out = co_await output_of(command::shell("echo $((1+1)) | cat"));
        BOOST_TEST(out == "2\n");
    });
}

BOOST_AUTO_TEST_CASE(a_plain_name_is_searched_in_the_childs_path)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::filesystem::path const where = test::puppet_path();
        command cmd(where.filename().string(), "say", "found");
        cmd.environment("PATH", "/nonexistent:" + where.parent_path().string());
        BOOST_TEST(co_await output_of(cmd) == "found\n");
        cmd.environment("PATH", ".").directory(where.parent_path().string());
        BOOST_TEST(co_await output_of(cmd) == "found\n");
        cmd.environment("PATH", "");
        BOOST_TEST(co_await output_of(cmd) == "found\n");
        cmd.search_path(false);
        BOOST_TEST(co_await output_of(cmd) == "found\n"); // in its working directory
    });
}

BOOST_AUTO_TEST_CASE(environment_is_inherited_set_unset_and_cleared)
{
    ::setenv("EXECASIO_TEST_VARIABLE", "parent", 1);
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("getenv", "EXECASIO_TEST_VARIABLE", "getenv", "NEW");
        BOOST_TEST(co_await output_of(cmd) == "=parent\nunset\n");
        cmd.environment("NEW", "").environment("EXECASIO_TEST_VARIABLE", "a=b");
        BOOST_TEST(co_await output_of(cmd) == "=a=b\n=\n");
        cmd.unset_environment("EXECASIO_TEST_VARIABLE").unset_environment("NEVER_SET");
        BOOST_TEST(co_await output_of(cmd) == "unset\n=\n");
        cmd.environment("EXECASIO_TEST_VARIABLE", "again");
        BOOST_TEST(co_await output_of(cmd) == "=again\n=\n");

        command bare = puppet("env");
        bare.clear_environment().environment("A", "1").environment("A", "2");
        BOOST_TEST(co_await output_of(bare) == "A=2\n");
    });
    ::unsetenv("EXECASIO_TEST_VARIABLE");
}

BOOST_AUTO_TEST_CASE(directory_umask_and_nice_are_in_force_before_exec)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("pwd", "umask", "nice");
        cmd.directory("/").umask(027).nice(19); // whatever this program has
        BOOST_TEST(co_await output_of(cmd) == "/\n027\n19\n");
    });
}

BOOST_AUTO_TEST_CASE(groups_and_sessions)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int kind = 0; kind < 3; ++kind) {
            command cmd = puppet("ids");
            cmd.output(stream::pipe);
            if (kind == 1)
                cmd.group(execasio::process_group::create());
            if (kind == 2)
                cmd.new_session();
            execasio::process p = execasio::spawn(ex, cmd);
            std::string const id = std::to_string(p.id());
            std::string const group = kind == 0 ? std::to_string(::getpgrp()) : id;
            std::string const session = kind == 2 ? id : std::to_string(::getsid(0));
            auto const line = co_await p.output().read_line();
            BOOST_TEST(line.value() == id + " " + group + " " + session);
            BOOST_TEST(p.group() == (kind == 0 ? 0 : p.id()));
            co_await p.wait();
        }
        command leader = puppet("pause");
        leader.group(execasio::process_group::create());
        execasio::process first = execasio::spawn(ex, leader);
        command member = puppet("ids");
        member.output(stream::pipe).group(execasio::process_group::join(first.id()));
        execasio::process second = execasio::spawn(ex, member);
        auto const line = co_await second.output().read_line();
        BOOST_TEST(line->find(" " + std::to_string(first.id()) + " ") != std::string::npos);
        co_await second.wait();
        first.signal(SIGKILL);
        co_await first.wait();
    });
}

BOOST_AUTO_TEST_CASE(signals_are_reset_unless_asked_for)
{
    sigset_t usr1;
    sigset_t before;
    ::sigemptyset(&usr1);
    ::sigaddset(&usr1, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &usr1, &before);
    auto const old = ::signal(SIGUSR2, SIG_IGN);
    auto const old_hup = ::signal(SIGHUP, SIG_IGN);
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("signals");
        BOOST_TEST(co_await output_of(cmd) == "signals:\n");
        cmd.inherit_signal_mask();
        BOOST_TEST(co_await output_of(cmd) == "signals: blocked 10\n");
        cmd.inherit_ignored_signals();
        BOOST_TEST(co_await output_of(cmd) == "signals: ignored 1 blocked 10 ignored 12\n");
    });
    ::signal(SIGUSR2, old);
    ::signal(SIGHUP, old_hup);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(the_parents_signal_mask_is_what_it_was)
{
    sigset_t before;
    sigset_t after;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
    run_coroutine([]() -> asio::awaitable<void> { co_await output_of(puppet("say", "x")); });
    ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
    for (int n = 1; n <= 64; ++n)
        BOOST_TEST(::sigismember(&before, n) == ::sigismember(&after, n));
}

BOOST_AUTO_TEST_SUITE_END()
