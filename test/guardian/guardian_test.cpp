#include "support/conditions.hpp"
#include "support/family.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/processes.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>
#include <execasio/supervisor.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::guardian;
using execasio::process;
using test::family_word;
using test::has_ended;
using test::kill_family;
using test::pair_of;
using test::processes_with_word;
using test::puppet;
using test::run_coroutine;

namespace {

/// Whether a guardian that was dismissed is gone: at once, or it was not given the processor to end
/// in the second that the library waits for that, which has begun at some time after `begun`.
bool is_gone(pid_t id, std::chrono::steady_clock::time_point begun)
{
    return has_ended(id) || (std::chrono::steady_clock::now() - begun >= 1s && has_ended(id, 10s));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(guarding, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_clean_shutdown_leaves_no_guardian_and_ends_nobody)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::string const word = family_word();
        auto g = std::make_unique<guardian>(ex);
        pid_t const id = g->id();
        BOOST_TEST(id > 0);
        BOOST_TEST(!has_ended(id));
        process p = execasio::spawn(ex, pair_of(word));
        auto const begun = std::chrono::steady_clock::now();
        g.reset();
        BOOST_TEST(is_gone(id, begun));
        co_await test::until([&] { return processes_with_word(word).size() == 2; });
        BOOST_TEST(p.poll());
        co_await execasio::stop(p);
        kill_family(word);
        co_await test::until([&] { return processes_with_word(word).empty(); });
    });
}

BOOST_AUTO_TEST_CASE(it_holds_nothing_of_the_manager_s)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int ends[2];
        BOOST_REQUIRE(::pipe(ends) == 0); // not close-on-exec
        guardian const g(ex);
        std::string const directory = "/proc/" + std::to_string(g.id());
        co_await test::until([&] { return test::status_of(g.id(), "Name") == "execasio-guard"; });
        // It goes to sleep when all is set up.
        co_await test::until([&] { return test::is_in_state(g.id(), 'S'); });
        std::error_code ec;
        BOOST_TEST(std::filesystem::read_symlink(directory + "/cwd", ec) == "/");
        co_await test::until([&] {
            std::filesystem::directory_iterator const list(directory + "/fd", ec);
            return std::distance(begin(list), end(list)) == 1;
        });
        BOOST_TEST(::getsid(g.id()) == g.id());
        BOOST_TEST(test::status_of(g.id(), "SigBlk") != "0000000000000000");
        ::close(ends[0]);
        ::close(ends[1]);
    });
}

BOOST_AUTO_TEST_CASE(a_guardian_that_is_killed_is_noticed_and_replaced)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        int losses = 0;
        guardian const g(ex, [&](execasio::exit_record const& how, execasio::error_code restarted) {
            ++losses;
            BOOST_TEST(how.signal() == SIGKILL);
            BOOST_TEST(!restarted);
        });
        pid_t const first = g.id();
        ::kill(first, SIGKILL);
        co_await test::until([&] { return losses == 1; });
        BOOST_TEST(g.id() > 0);
        BOOST_TEST(g.id() != first);
    });
}

BOOST_AUTO_TEST_CASE(where_no_process_is_to_be_had_for_it_that_is_an_error)
{
    BOOST_TEST(test::failure_in_fork([] {
                   asio::io_context context(1);
                   test::refuse_system_calls({SYS_clone}, EAGAIN); // not clone3, by which we start
                   try {
                       guardian const g(context.get_executor());
                       test::ensure(false, "it was started");
                   } catch (execasio::spawn_error const& e) {
                       test::ensure(e.code().failed(), e.what());
                   }
               }) == "");
}

BOOST_AUTO_TEST_CASE(where_files_may_not_be_so_long_that_is_an_error_and_no_signal)
{
    BOOST_TEST(test::failure_in_fork([] {
                   asio::io_context context(1);
                   rlimit const limit{4096, 4096};
                   test::ensure(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
                   try {
                       guardian const g(context.get_executor());
                       test::ensure(false, "it was started");
                   } catch (boost::system::system_error const& e) {
                       test::ensure(e.code() == boost::system::errc::file_too_large, e.what());
                   }
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_profiler_s_many_signals_do_not_keep_it_from_being_started)
{
    BOOST_TEST(test::failure_in_fork([] {
                   struct sigaction tick {};
                   tick.sa_handler = [](int) {};
                   tick.sa_flags = SA_RESTART;
                   sigevent by_signal{};
                   by_signal.sigev_notify = SIGEV_SIGNAL;
                   by_signal.sigev_signo = SIGPROF;
                   timer_t clock{};
                   itimerspec const often{{0, 500'000}, {0, 500'000}};
                   test::ensure(::sigaction(SIGPROF, &tick, nullptr) == 0 &&
                                    ::timer_create(CLOCK_MONOTONIC, &by_signal, &clock) == 0 &&
                                    ::timer_settime(clock, 0, &often, nullptr) == 0,
                                "timer");
                   asio::io_context context(1);
                   for (int i = 0; i < 20; ++i)
                       guardian const g(context.get_executor());
               }) == "");
}

BOOST_AUTO_TEST_CASE(signals_that_can_be_ignored_do_not_end_it)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        guardian const g(ex);
        co_await test::until([&] { return test::status_of(g.id(), "Name") == "execasio-guard"; });
        co_await test::until([&] { return test::is_in_state(g.id(), 'S'); });
        for (int const number : {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1})
            ::kill(g.id(), number);
        BOOST_TEST(!has_ended(g.id(), 20ms));
    });
}

BOOST_AUTO_TEST_CASE(a_supervisor_s_shutdown_dismisses_its_guardian)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        execasio::supervisor all(ex);
        all.start_guardian();
        pid_t const id = all.guardian_id();
        BOOST_TEST(id > 0);
        BOOST_TEST(!has_ended(id));
        all.spawn(puppet("pause-forever"));
        auto const begun = std::chrono::steady_clock::now();
        std::size_t const left = co_await all.shutdown(10s);
        BOOST_TEST(left == 0u);
        BOOST_TEST(all.guardian_id() == 0);
        BOOST_TEST(is_gone(id, begun));
        BOOST_TEST(!test::has_children());
    });
}

/// Of which it has a copy, in its table.
BOOST_AUTO_TEST_CASE(it_is_as_private_as_its_manager)
{
    BOOST_TEST(test::failure_in_fork([] {
                   if (::geteuid() == 0)
                       test::become(test::nobody, 0);
                   test::ensure(::prctl(PR_SET_DUMPABLE, 0) == 0, "PR_SET_DUMPABLE");
                   asio::io_context context(1);
                   guardian const g(context.get_executor());
                   std::string const name = "execasio-guard"; // which it takes after that
                   while (test::status_of(g.id(), "Name") != name)
                       std::this_thread::yield();
                   struct stat s {};
                   std::string const memory = "/proc/" + std::to_string(g.id()) + "/mem";
                   test::ensure(::stat(memory.c_str(), &s) == 0, "stat");
                   test::ensure(s.st_uid == 0, "its memory is its user's");
                   test::ensure(::ptrace(PTRACE_SEIZE, g.id(), nullptr, nullptr) == -1, "traced");
               }) == "");
}

BOOST_AUTO_TEST_SUITE_END()
