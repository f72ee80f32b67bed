#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/zombies.hpp"

#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <signal.h>
#include <sys/wait.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::exit_record;
using execasio::process;
using test::puppet;
using test::reap_behind_our_back;
using test::run_coroutine;

BOOST_FIXTURE_TEST_SUITE(process_object, test::no_leaks)

BOOST_AUTO_TEST_CASE(exit_codes_and_signals_are_told_apart)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process exits = execasio::spawn(ex, puppet("exit", "9"));
        process dies = execasio::spawn(ex, puppet("raise", "9"));
        process shell_like = execasio::spawn(ex, puppet("exit", "137"));
        exit_record how = co_await exits.wait();
        BOOST_TEST((how.exited() && !how.signaled() && how.code() == 9 && how.signal() == 0));
        BOOST_TEST(execasio::describe(how) == "exit code 9");
        how = co_await dies.wait();
        BOOST_TEST((!how.exited() && how.signaled() && how.code() == -1 && how.signal() == 9));
        BOOST_TEST(execasio::describe(how) == "signal 9 (SIGKILL)");
        BOOST_TEST(how.native_status() == 9);
        how = co_await shell_like.wait();
        BOOST_TEST((how.code() == 137 && how.signal() == 0));
        BOOST_TEST(how.cause() == execasio::end_cause::itself);
        BOOST_TEST(!how.stop_stage().has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_core_dump_is_told_as_wait_tells_it)
{
    char directory[] = "/tmp/execasio-test-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(directory));
    run_coroutine([&]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (std::string const size : {"0", "100000000"}) {
            command cmd = puppet("core-limit", size, "raise", std::to_string(SIGQUIT));
            cmd.directory(directory);
            process p = execasio::spawn(ex, cmd);
            exit_record const how = co_await p.wait();
            // One after the other: both write the same core file.
            process same = execasio::spawn(ex, cmd);
            int const status = reap_behind_our_back(same.id());
            same.detach();
            BOOST_TEST(how.signal() == SIGQUIT);
            BOOST_TEST(how.core_dumped() == bool(WCOREDUMP(status)));
            BOOST_TEST(how.native_status() == status);
            if (size == "0")
                BOOST_TEST(!how.core_dumped());
        }
    });
    std::filesystem::remove_all(directory);
}

BOOST_AUTO_TEST_CASE(times_are_the_childs_own)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        auto const before = std::chrono::steady_clock::now();
        process p = execasio::spawn(ex, puppet("spin", "60"));
        exit_record const how = co_await p.wait();
        auto const all = std::chrono::steady_clock::now() - before;
        BOOST_TEST(how.usage_known());
        BOOST_TEST((how.user_time() + how.system_time() >= 55ms));
        BOOST_TEST((how.user_time() + how.system_time() <= how.wall_time() + 20ms));
        BOOST_TEST((how.wall_time() >= 55ms));
        BOOST_TEST((how.wall_time() <= all));
        BOOST_TEST(how.peak_memory() > 0u);
    });
}

BOOST_AUTO_TEST_SUITE_END()
