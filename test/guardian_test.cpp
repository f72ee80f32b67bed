#include "support/conditions.hpp"
#include "support/filter.hpp"
#include "support/forked.hpp"
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

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::guardian;
using execasio::lifetime;
using execasio::process;
using execasio::process_group;
using execasio::stream;
using test::ensure;
using test::family_word;
using test::has_ended;
using test::processes_with_word;
using test::puppet;
using test::run_coroutine;
using test::scaled;
using clock_type = std::chrono::steady_clock;

namespace {

/// A program in which the library starts processes, to be killed: a copy of this one.
class manager {
public:
    /// @param body Runs in the copy, with what it is to say "ready" with; then the copy waits.
    explicit manager(std::function<void(std::function<void(std::string const&)>)> const& body)
    {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        std::fflush(nullptr);
        pid_ = ::fork();
        BOOST_REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::close(ends[0]);
            try {
                body([&](std::string const& text) {
                    if (::write(ends[1], text.data(), text.size()) < 0)
                        std::_Exit(2);
                });
            } catch (std::exception const& e) {
                std::fprintf(stderr, "manager: %s\n", e.what());
                std::_Exit(3);
            }
            for (;;)
                ::pause();
        }
        ::close(ends[1]);
        reader_ = ends[0];
    }
    manager(manager const&) = delete;
    manager& operator=(manager const&) = delete;
    ~manager()
    {
        kill();
        ::close(reader_);
    }

    /// What it says next; empty when it is dead.
    std::string answer() const
    {
        char text[256];
        ssize_t const n = ::read(reader_, text, sizeof text);
        return std::string(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    }

    void kill()
    {
        if (pid_ == 0)
            return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    pid_t pid_ = 0;
    int reader_ = -1;
};

/// Blocks until no process of the family lives. @return How long that took, at most the limit.
clock_type::duration time_until_gone(std::string const& word, clock_type::duration limit)
{
    auto const begun = clock_type::now();
    while (!processes_with_word(word).empty() && clock_type::now() - begun < limit)
        std::this_thread::yield();
    return clock_type::now() - begun;
}

void kill_family(std::string const& word)
{
    for (pid_t const pid : processes_with_word(word))
        ::kill(pid, SIGKILL);
}

void await_family(std::string const& word, std::size_t size)
{
    while (processes_with_word(word).size() < size)
        std::this_thread::yield();
}

/// A child with a grandchild; both do nothing.
command pair_of(std::string const& word)
{
    command cmd = puppet("fork", "pause-forever", "join", "pause-forever", word);
    cmd.input(stream::null).output(stream::null);
    return cmd;
}

/// Kills a manager of that many children, each with a grandchild.
void kill_manager_of(std::size_t children, clock_type::duration limit)
{
    std::string const word = family_word();
    manager m([&](auto const& say) {
        asio::io_context context(1);
        guardian const g(context.get_executor());
        std::vector<process> all;
        for (std::size_t i = 0; i < children; ++i) {
            command cmd = pair_of(word);
            if (i % 3 == 1)
                cmd.group(process_group::create());
            if (i % 3 == 2)
                cmd.new_session();
            all.push_back(execasio::spawn(context.get_executor(), cmd));
        }
        await_family(word, 2 * children);
        say(std::to_string(g.id()));
        for (;;)
            ::pause();
    });
    std::string const id = m.answer();
    BOOST_REQUIRE(!id.empty());
    m.kill();
    auto const time = time_until_gone(word, scaled(10s));
    BOOST_TEST_MESSAGE(
        children << " pairs gone after "
                 << std::chrono::duration_cast<std::chrono::milliseconds>(time).count() << " ms");
    BOOST_TEST((time < limit));
    kill_family(word);
    BOOST_TEST(has_ended(static_cast<pid_t>(std::stol(id)), 10s));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(guarding, test::no_leaks)

BOOST_AUTO_TEST_CASE(all_children_and_grandchildren_of_a_killed_manager_are_gone_at_once)
{
    kill_manager_of(200, scaled(1000ms));
}

BOOST_AUTO_TEST_CASE(also_of_a_manager_of_a_thousand)
{
    kill_manager_of(1000, scaled(2000ms)); // the limit is for machines that have other work, too
}

BOOST_AUTO_TEST_CASE(a_manager_killed_in_the_middle_of_its_spawning_leaves_nobody)
{
    for (int round = 0; round < 10; ++round) {
        std::string const word = family_word();
        manager m([&](auto const& say) {
            asio::io_context context(1);
            guardian const g(context.get_executor());
            std::vector<process> all;
            say(std::to_string(g.id()));
            for (int i = 0; i < 1000; ++i)
                all.push_back(execasio::spawn(context.get_executor(), pair_of(word)));
        });
        std::string const id = m.answer();
        await_family(word, 5 + static_cast<std::size_t>(round));
        m.kill();
        BOOST_TEST((time_until_gone(word, scaled(5s)) < scaled(5s)));
        kill_family(word);
        BOOST_TEST(has_ended(static_cast<pid_t>(std::stol(id)), 10s));
        BOOST_TEST(processes_with_word(word).empty()); // nor has one come since
    }
}

BOOST_AUTO_TEST_CASE(who_is_to_survive_survives_and_who_is_detached_does_not)
{
    std::string const survivor = family_word();
    std::string const detached = family_word();
    std::string const changed = family_word();
    manager m([&](auto const& say) {
        asio::io_context context(1);
        auto const ex = context.get_executor();
        guardian const g(ex);
        command a = pair_of(survivor);
        process p = execasio::spawn(ex, a.on_destroy(lifetime::survive));
        command b = pair_of(detached);
        execasio::spawn(ex, b).detach();
        command c = pair_of(changed);
        process q = execasio::spawn(ex, c);
        q.on_destroy(lifetime::survive);
        await_family(survivor, 2);
        await_family(detached, 2);
        await_family(changed, 2);
        say(std::to_string(g.id()));
        for (;;)
            ::pause();
    });
    auto const id = static_cast<pid_t>(std::stol(m.answer()));
    m.kill();
    BOOST_TEST(has_ended(id, 10s)); // it has done all that it does
    BOOST_TEST(processes_with_word(detached).empty());
    BOOST_TEST(processes_with_word(survivor).size() == 2u);
    BOOST_TEST(processes_with_word(changed).size() == 2u);
    for (auto const& word : {survivor, detached, changed})
        kill_family(word);
}

BOOST_AUTO_TEST_CASE(what_an_ended_leader_left_to_its_plan_is_ended_with_the_manager)
{
    std::string const word = family_word();
    manager m([&](auto const& say) {
        asio::io_context context(1);
        auto const ex = context.get_executor();
        guardian const g(ex);
        command cmd = puppet("ignore", "15", "fork", "pause-forever", "join", "exit", "0", word);
        cmd.group(process_group::create())
            .at_exit(execasio::stop_plan()
                         .grace(std::chrono::hours(1))
                         .target(execasio::stop_target::group));
        process p = execasio::spawn(ex, cmd);
        bool ended = false;
        p.async_wait([&](auto, auto const&) { ended = true; });
        while (!ended)
            context.run_one();
        ensure(processes_with_word(word).size() == 1, "the member lives");
        say(std::to_string(g.id()));
        for (;;)
            ::pause();
    });
    auto const id = static_cast<pid_t>(std::stol(m.answer()));
    m.kill();
    BOOST_TEST(has_ended(id, 10s));
    BOOST_TEST(processes_with_word(word).empty());
    kill_family(word);
}

BOOST_AUTO_TEST_CASE(a_daemon_of_a_tracked_tree_does_not_escape)
{
    std::string const word = family_word();
    manager m([&](auto const& say) {
        asio::io_context context(1);
        guardian const g(context.get_executor());
        // Nothing but the mark leads to a daemon: its parent is gone, its session is its own.
        command cmd = puppet("daemon", "pause-forever", "join", "pause-forever", word);
        cmd.input(stream::null).output(stream::null).track_tree();
        process const p = execasio::spawn(context.get_executor(), cmd);
        await_family(word, 2);
        say(std::to_string(g.id()));
        for (;;)
            ::pause();
    });
    std::string const id = m.answer();
    BOOST_REQUIRE(!id.empty());
    m.kill();
    BOOST_TEST((time_until_gone(word, scaled(10s)) < scaled(10s)));
    kill_family(word);
    BOOST_TEST(has_ended(static_cast<pid_t>(std::stol(id)), 10s));
}

BOOST_AUTO_TEST_CASE(a_marked_process_of_a_tree_that_nobody_guards_any_more_is_spared)
{
    std::string const word = family_word();
    manager m([&](auto const& say) {
        asio::io_context context(1);
        guardian const g(context.get_executor());
        command cmd = puppet("daemon", "pause-forever", "join", "exit", "0", word);
        cmd.input(stream::null).output(stream::null).track_tree();
        process p = execasio::spawn(context.get_executor(), cmd);
        while (p.poll() || processes_with_word(word).size() != 1)
            std::this_thread::yield();
        command other = puppet("pause-forever");
        other.input(stream::null).output(stream::null).track_tree();
        process const q = execasio::spawn(context.get_executor(), other);
        say(std::to_string(g.id()));
        for (;;)
            ::pause();
    });
    std::string const id = m.answer();
    BOOST_REQUIRE(!id.empty());
    m.kill();
    BOOST_TEST(has_ended(static_cast<pid_t>(std::stol(id)), 10s));
    BOOST_TEST(processes_with_word(word).size() == 1u);
    kill_family(word);
}

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
        g.reset();
        BOOST_TEST(has_ended(id));
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
        std::size_t const left = co_await all.shutdown(10s);
        BOOST_TEST(left == 0u);
        BOOST_TEST(all.guardian_id() == 0);
        BOOST_TEST(has_ended(id));
        BOOST_TEST(!test::has_children());
    });
}

BOOST_AUTO_TEST_CASE(it_works_where_pidfds_and_files_in_memory_are_refused)
{
    std::string const word = family_word();
    manager m([&](auto const& say) {
        asio::io_context context(1);
        auto const ex = context.get_executor();
        guardian::loss_handler none;
        test::refuse_system_calls({SYS_clone3, SYS_pidfd_open, SYS_pidfd_send_signal}, ENOSYS,
                                  true);
        guardian const g(ex, none);
        process p = execasio::spawn(ex, pair_of(word));
        await_family(word, 2);
        say(std::to_string(g.id()));
        for (;;)
            ::pause();
    });
    std::string const id = m.answer();
    BOOST_REQUIRE(!id.empty());
    m.kill();
    BOOST_TEST((time_until_gone(word, scaled(5s)) < scaled(5s)));
    kill_family(word);
    BOOST_TEST(has_ended(static_cast<pid_t>(std::stol(id)), 10s));
}

BOOST_AUTO_TEST_SUITE_END()
