#include "support/conditions.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"
#include "support/processes.hpp"
#include "support/puppet.hpp"
#include "support/zombies.hpp"

#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>
#include <execasio/subreaper.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::error_code;
using execasio::exit_record;
using execasio::guardian;
using execasio::orphan_reaper;
using execasio::process;
using execasio::stream;
using test::ensure;
using test::failure_in_fork;
using test::has_children;
using test::puppet;
using test::scaled;

namespace {

// A status that somebody else has taken is told all the same where the kernel remembers it, but
// without what was used: `usage_known` tells who has reaped.

/// Ends with 3, and leaves somebody behind who ends when its input does.
template <class... Words>
command leaver(Words const&... words)
{
    command cmd = puppet("fork", "await", "exit", "0", "join", "exit", "3", words...);
    cmd.input(stream::pipe);
    return cmd;
}

void run_until(asio::io_context& context, std::function<bool()> const& condition, char const* what)
{
    auto const end = std::chrono::steady_clock::now() + scaled(20s);
    while (!condition()) {
        ensure(std::chrono::steady_clock::now() < end, what);
        context.restart();
        context.run_for(5ms);
    }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(reaping_orphans, test::no_leaks)

BOOST_AUTO_TEST_CASE(an_orphan_is_no_zombie)
{
    BOOST_TEST(failure_in_fork([] {
                   asio::io_context context(1);
                   orphan_reaper const reaper(context.get_executor());
                   process p = execasio::spawn(context.get_executor(), leaver());
                   std::optional<exit_record> how;
                   p.async_wait([&](error_code, exit_record const& r) { how = r; });
                   run_until(
                       context, [&] { return how.has_value(); }, "its parent lives on");
                   ensure(how->code() == 3 && how->usage_known(), "its status was taken");
                   ensure(has_children(), "the orphan has not come");
                   p.input().close();
                   run_until(
                       context, [] { return !has_children(); }, "the orphan is a zombie");
               }) == "");
}

BOOST_AUTO_TEST_CASE(nobody_else_s_status_is_taken)
{
    BOOST_TEST(failure_in_fork([] {
                   asio::io_context context(1);
                   orphan_reaper const reaper(context.get_executor());
                   std::vector<process> all;
                   int right = 0;
                   for (int i = 0; i < 200; ++i) {
                       command cmd = leaver();
                       all.push_back(
                           execasio::spawn(context.get_executor(), cmd.input(stream::null)));
                       all.back().async_wait([&](error_code ec, exit_record const& how) {
                           right += !ec && how.code() == 3 && how.usage_known() ? 1 : 0;
                       });
                       context.poll();
                   }
                   run_until(
                       context, [] { return !has_children(); }, "somebody is left");
                   run_until(
                       context, [&] { return right == 200; }, "a status is lost");
               }) == "");
}

BOOST_AUTO_TEST_CASE(one_whom_nobody_awaits_is_not_in_the_way)
{
    BOOST_TEST(failure_in_fork([] {
                   asio::io_context context(1);
                   auto const ex = context.get_executor();
                   orphan_reaper const reaper(ex);
                   process ended = execasio::spawn(ex, puppet("exit", "4"));
                   test::await_zombie(ended.id());
                   std::string const word = test::family_word();
                   process p = execasio::spawn(ex, leaver(word));
                   bool told = false;
                   p.async_wait([&](error_code, exit_record const&) { told = true; });
                   run_until(
                       context, [&] { return told; }, "its parent lives on");
                   std::vector<pid_t> const left = test::processes_with_word(word);
                   ensure(left.size() == 1, "there is no orphan");
                   p.input().close();
                   run_until(
                       context, [&] { return ::kill(left.front(), 0) != 0; },
                       "the orphan is a zombie");
                   ensure(!ended.poll() && ended.record()->code() == 4, "its status is lost");
                   ensure(ended.record()->usage_known(), "its status was taken");
               }) == "");
}

BOOST_AUTO_TEST_CASE(nor_is_a_detached_process_one)
{
    BOOST_TEST(failure_in_fork([] {
                   asio::io_context context(1);
                   auto const ex = context.get_executor();
                   orphan_reaper const reaper(ex);
                   execasio::spawn(ex, puppet("exit", "0")).detach();
                   run_until(
                       context, [] { return !has_children(); }, "it is a zombie");
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_guardian_under_a_subreaper_leaves_no_zombie)
{
    BOOST_TEST(failure_in_fork([] {
                   asio::io_context context(1);
                   ensure(!execasio::become_subreaper(), "subreaper");
                   {
                       guardian const g(context.get_executor());
                       ensure(g.id() != 0, "no guardian");
                   }
                   ensure(!has_children(), "it is a zombie");
               }) == "");
}

BOOST_AUTO_TEST_CASE(a_guardian_s_end_is_told_under_a_reaper)
{
    BOOST_TEST(failure_in_fork([] {
                   asio::io_context context(1);
                   auto const ex = context.get_executor();
                   orphan_reaper const reaper(ex);
                   std::optional<exit_record> how;
                   guardian const g(ex, [&](exit_record const& r, error_code) { how = r; });
                   ::kill(g.id(), SIGKILL);
                   run_until(
                       context, [&] { return how.has_value(); }, "it is not told");
                   ensure(how->known() && how->signal() == SIGKILL, "its status is lost");
               }) == "");
}

BOOST_AUTO_TEST_SUITE_END()
