#include "support/conditions.hpp"
#include "support/family.hpp"
#include "support/forked.hpp"
#include "support/manager.hpp"
#include "support/no_leaks.hpp"
#include "support/processes.hpp"
#include "support/puppet.hpp"

#include <execasio/guardian.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::command;
using execasio::guardian;
using execasio::lifetime;
using execasio::process;
using test::await_family;
using test::ensure;
using test::family_word;
using test::has_ended;
using test::kill_family;
using test::manager;
using test::processes_with_word;

namespace {

/// A process that leaves one behind in its group, which is that of its parent, and ends.
void leave_behind(std::string const& word)
{
    asio::io_context context(1);
    command const cmd = test::puppet("fork", "pause-forever", "join", "exit", "0", word);
    process p = execasio::spawn(context.get_executor(), cmd);
    bool ended = false;
    p.async_wait([&](auto, auto const&) { ended = true; });
    while (!ended)
        ensure(context.run_one() != 0, "its end is not told");
    await_family(word, 1);
}

/// Kills a manager that is ready, and waits until all has been done that is to be done.
void kill_manager(manager& m)
{
    pid_t const guardian = m.guardian();
    m.kill();
    BOOST_TEST(has_ended(guardian, 10s));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(guarding, test::no_leaks)

BOOST_AUTO_TEST_CASE(what_ended_children_left_in_the_manager_s_group_ends_with_it)
{
    std::string const word = family_word();
    manager m([&](manager::reporter say) {
        ensure(::setpgid(0, 0) == 0, "a group of its own");
        asio::io_context context(1);
        guardian g(context.get_executor());
        g.include_own_group();
        leave_behind(word);
        say.tell_and_wait(g.id());
    });
    kill_manager(m);
    BOOST_TEST(processes_with_word(word).empty());
    kill_family(word);
}

BOOST_AUTO_TEST_CASE(who_is_spared_of_the_manager_s_group_lives_on)
{
    std::string const word = family_word();
    std::string const spared = family_word();
    manager m([&](manager::reporter say) {
        ensure(::setpgid(0, 0) == 0, "a group of its own");
        asio::io_context context(1);
        command cmd =
            test::puppet("await", "fork", "pause-forever", "join", "pause-forever", spared);
        process p = execasio::spawn(context.get_executor(), cmd.input(execasio::stream::pipe));
        guardian g(context.get_executor());
        g.include_own_group({::getpid(), p.id()});
        leave_behind(word);
        p.input().close();
        await_family(spared, 2); // what it starts later is spared as well
        say.tell_and_wait(g.id());
    });
    kill_manager(m);
    BOOST_TEST(processes_with_word(word).empty());
    BOOST_TEST(processes_with_word(spared).size() == 2u);
    for (auto const& who : {word, spared})
        kill_family(who);
}

BOOST_AUTO_TEST_CASE(the_group_is_given_up_with_the_guardian_that_it_was_told)
{
    std::string const word = family_word();
    manager m([&](manager::reporter say) {
        ensure(::setpgid(0, 0) == 0, "a group of its own");
        asio::io_context context(1);
        guardian const other(context.get_executor());
        std::optional<guardian> g(context.get_executor());
        g->include_own_group();
        g.reset();
        leave_behind(word);
        say.tell_and_wait(other.id());
    });
    kill_manager(m);
    BOOST_TEST(processes_with_word(word).size() == 1u);
    kill_family(word);
}

BOOST_AUTO_TEST_CASE(but_not_as_long_as_another_guardian_was_told_it)
{
    std::string const word = family_word();
    manager m([&](manager::reporter say) {
        ensure(::setpgid(0, 0) == 0, "a group of its own");
        asio::io_context context(1);
        guardian other(context.get_executor());
        other.include_own_group();
        {
            guardian g(context.get_executor());
            g.include_own_group();
            g.include_own_group();
        }
        leave_behind(word);
        say.tell_and_wait(other.id());
    });
    kill_manager(m);
    BOOST_TEST(processes_with_word(word).empty());
    kill_family(word);
}

BOOST_AUTO_TEST_CASE(a_copy_of_the_manager_changes_nothing)
{
    std::string const word = family_word();
    manager m([&](manager::reporter say) {
        ensure(::setpgid(0, 0) == 0, "a group of its own");
        asio::io_context context(1);
        guardian g(context.get_executor());
        leave_behind(word);
        pid_t const copy = ::fork();
        if (copy == 0) {
            bool const leads = ::setpgid(0, 0) == 0;
            g.include_own_group();
            std::_Exit(leads ? 0 : 1);
        }
        int status = -1;
        ensure(::waitpid(copy, &status, 0) == copy && status == 0, "the copy");
        say.tell_and_wait(g.id());
    });
    kill_manager(m);
    BOOST_TEST(processes_with_word(word).size() == 1u);
    kill_family(word);
}

BOOST_AUTO_TEST_CASE(only_the_leader_of_a_group_can_have_it_guarded)
{
    manager m([&](manager::reporter say) {
        asio::io_context context(1);
        guardian g(context.get_executor());
        try {
            g.include_own_group();
            ensure(false, "it does not lead the test's group");
        } catch (boost::system::system_error const& e) {
            ensure(e.code() == boost::system::errc::operation_not_permitted, "EPERM");
        }
        ensure(::setpgid(0, 0) == 0, "a group of its own");
        try {
            g.include_own_group(std::vector<pid_t>(1025));
            ensure(false, "so many are not spared");
        } catch (boost::system::system_error const& e) {
            ensure(e.code() == boost::system::errc::argument_list_too_long, "E2BIG");
        }
        say.tell_and_wait(g.id());
    });
    kill_manager(m);
}

BOOST_AUTO_TEST_SUITE_END()
