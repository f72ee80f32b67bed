// Plans for many, while this program can open nothing: each in a process of its own.
#include "support/family.hpp"
#include "support/forked.hpp"
#include "support/no_descriptors.hpp"
#include "support/no_leaks.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/cgroup.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

#include <signal.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::process;
using execasio::stop_plan;
using execasio::stop_result;
using execasio::stop_target;
using test::ensure;
using test::failure_in_fork;
using test::family_word;
using test::no_descriptors;
using test::processes_with_word;
using test::puppet;

namespace {

/// The body of a coroutine, in the body of `failure_in_fork`.
template <class Body>
void run_here(Body body)
{
    asio::io_context context(1);
    std::exception_ptr failure;
    bool finished = false;
    asio::co_spawn(context, std::move(body), [&](std::exception_ptr e) {
        failure = e;
        finished = true;
    });
    context.run_for(test::scaled(20s));
    if (failure)
        std::rethrow_exception(failure);
    ensure(finished, "still pending at the deadline");
}

/// A child in a session of its own, and another in the group of the first, which ignores SIGTERM,
/// as they do.
command stubborn_family(std::string const& word)
{
    return puppet("ignore", "15", "fork-session", "pause-forever", "join", "fork", "pause-forever",
                  "join", "pause-forever", word);
}

/// The same without the session.
command stubborn_group(std::string const& word)
{
    command cmd = puppet("ignore", "15", "fork", "pause-forever", "join", "fork", "pause-forever",
                         "join", "pause-forever", word);
    return cmd.group(execasio::process_group::create());
}

/// A program that has many descriptors, so that the library keeps some in reserve.
constexpr rlim_t many = 400;

/// Ends a family of three while nothing can be opened.
asio::awaitable<void> end_without_descriptors(command cmd, std::string word, stop_target target)
{
    std::vector<int> open; // so many that a launch makes the reserve
    for (int i = 0; i < 40; ++i)
        open.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    cmd.output(execasio::stream::pipe);
    process p = co_await test::started(cmd, word, 3);
    stop_plan const plan = stop_plan().grace(20ms).target(target);
    std::optional<no_descriptors> none(many);
    stop_result const result = co_await execasio::stop(p, plan);
    none.reset();
    ensure(result.signal() == SIGKILL, "signal");
    ensure(result.left() == 0, "left");
    ensure(processes_with_word(word).empty(), "somebody is left");
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(out_of_descriptors, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_group_ends)
{
    std::string const word = family_word();
    BOOST_TEST(failure_in_fork([&] {
                   run_here([&] {
                       return end_without_descriptors(stubborn_group(word), word,
                                                      stop_target::group);
                   });
               }) == "");
    test::kill_family(word);
}

BOOST_AUTO_TEST_CASE(a_tree_ends)
{
    std::string const word = family_word();
    BOOST_TEST(failure_in_fork([&] {
                   run_here([&] {
                       return end_without_descriptors(stubborn_family(word), word,
                                                      stop_target::tree);
                   });
               }) == "");
    test::kill_family(word);
}

BOOST_AUTO_TEST_CASE(a_cgroup_ends)
{
    if (execasio::writable_cgroup().empty()) {
        BOOST_TEST_MESSAGE("skipped: no cgroup of version 2 that may be written to");
        return;
    }
    std::string const word = family_word();
    BOOST_TEST(failure_in_fork([&] {
                   run_here([&] {
                       command cmd = stubborn_family(word);
                       cmd.cgroup(execasio::cgroup());
                       return end_without_descriptors(cmd, word, stop_target::tree);
                   });
               }) == "");
    test::kill_family(word);
}

/// Nothing in reserve either: nobody is taken for gone because he cannot be looked at.
BOOST_AUTO_TEST_CASE(who_cannot_be_looked_at_is_not_gone)
{
    for (bool const tree : {false, true}) {
        std::string const word = family_word();
        auto const body = [&]() -> asio::awaitable<void> {
            command cmd = tree ? stubborn_family(word) : stubborn_group(word);
            cmd.track_tree(); // by which they are found, later than their root
            process p = co_await test::started(cmd, word, 3);
            auto const target = tree ? stop_target::tree : stop_target::group;
            constexpr rlim_t few = 100;
            std::optional<no_descriptors> none(few);
            asio::steady_timer later(co_await asio::this_coro::executor, 300ms);
            later.async_wait([&](auto) { none.reset(); });
            stop_plan const plan = stop_plan().grace(20ms).target(target);
            stop_result const result = co_await execasio::stop(p, plan);
            ensure(!none || !tree, "not looked for");
            none.reset();
            ensure(result.left() == 0, "left");
            ensure(processes_with_word(word).empty(), "somebody is left");
        };
        BOOST_TEST(failure_in_fork([&] { run_here(body); }) == "");
        test::kill_family(word);
    }
}

BOOST_AUTO_TEST_SUITE_END()
