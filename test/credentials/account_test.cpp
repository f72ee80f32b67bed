#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/no_descriptors.hpp"
#include "support/no_leaks.hpp"
#include "support/output_of.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::credentials;
using execasio::errc;
using execasio::stage;
using test::cat_as;
using test::failure_of_launch;
using test::may_change_identity;
using test::nobody;
using test::output_of;
using test::puppet;
using test::run_coroutine;
using test::status_of_child;

namespace {

/// A user with at least one supplementary group; empty if there is none here.
std::string member_of_a_group()
{
    std::string name;
    ::setgrent();
    while (group const* const g = ::getgrent())
        if (g->gr_mem && g->gr_mem[0] && ::getpwnam(g->gr_mem[0]))
            name = g->gr_mem[0];
    ::endgrent();
    return name;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(credentials_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(all_numbers_of_the_child_are_the_users)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        for (credentials const& who :
             {credentials::user("nobody"), credentials::user("65534"), credentials::user(nobody)}) {
            auto status = co_await status_of_child(cat_as(who));
            BOOST_TEST(status["Uid"] == "65534 65534 65534 65534");
            BOOST_TEST(status["Gid"] == "65534 65534 65534 65534");
            BOOST_TEST(status["Groups"] == "65534");
            BOOST_TEST(status["NoNewPrivs"] == "0");
        }
    });
}

BOOST_AUTO_TEST_CASE(supplementary_groups_are_those_of_the_account)
{
    std::string const name = member_of_a_group();
    if (!may_change_identity())
        return;
    if (name.empty()) {
        BOOST_TEST_MESSAGE("skipped: no user here has a supplementary group");
        return;
    }
    std::vector<gid_t> expected(1000);
    int count = 1000;
    BOOST_REQUIRE(::getgrouplist(name.c_str(), ::getpwnam(name.c_str())->pw_gid, expected.data(),
                                 &count) > 0);
    expected.resize(static_cast<std::size_t>(count));
    std::sort(expected.begin(), expected.end());
    std::string text;
    for (gid_t const group : expected)
        text += (text.empty() ? "" : " ") + std::to_string(group);
    run_coroutine([&]() -> asio::awaitable<void> {
        auto status = co_await status_of_child(cat_as(credentials::user(name)));
        BOOST_TEST(status["Groups"] == text);
        BOOST_TEST(status["Gid"].find(std::to_string(::getpwnam(name.c_str())->pw_gid)) == 0U);
    });
}

BOOST_AUTO_TEST_CASE(groups_can_be_given)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        credentials who = credentials::user("nobody");
        who.group("daemon").supplementary_groups("sys", 54321, "4242", "sys");
        auto status = co_await status_of_child(cat_as(who));
        BOOST_TEST(status["Gid"] == "1 1 1 1");
        BOOST_TEST(status["Groups"] == "3 4242 54321");
        who.no_supplementary_groups();
        status = co_await status_of_child(cat_as(who));
        BOOST_TEST(status["Groups"] == "");

        credentials unknown = credentials::user(54321);
        unknown.group(54322);
        status = co_await status_of_child(cat_as(unknown));
        BOOST_TEST(status["Uid"] == "54321 54321 54321 54321");
        BOOST_TEST(status["Gid"] == "54322 54322 54322 54322");
        BOOST_TEST(status["Groups"] == "54322");
    });
}

BOOST_AUTO_TEST_CASE(what_is_not_found_is_named)
{
    auto const check = [](credentials const& who, errc expected, std::string const& name) {
        auto const failure = failure_of_launch(cat_as(who));
        BOOST_TEST(failure.where == stage::credentials);
        BOOST_TEST(failure.why == expected);
        BOOST_TEST(failure.message.find(name) != std::string::npos);
    };
    check(credentials::user("no-such-user"), errc::no_such_user, "no-such-user");
    check(credentials::user(""), errc::no_such_user, "");
    check(credentials::user("54321"), errc::no_primary_group, "54321");
    check(credentials::user(54321), errc::no_primary_group, "54321");
    check(credentials::user(54321).group(1).login_environment(), errc::no_such_user, "54321");
    check(credentials::user("nobody").group("no-such-group"), errc::no_such_group, "no-such-group");
    check(credentials::user("nobody").supplementary_groups("daemon", "no-such-group"),
          errc::no_such_group, "no-such-group");
    // To the kernel this number means "no change": the child would stay what its parent is.
    check(credentials::user(4294967295U).group(1), errc::no_such_user, "4294967295");
    check(credentials::user("4294967295").group(1), errc::no_such_user, "4294967295");
    check(credentials::user("4294967296").group(1), errc::no_such_user, "4294967296");
    check(credentials::user("nobody").group(4294967295U), errc::no_such_group, "4294967295");
    check(credentials::user("nobody").supplementary_groups("4294967295"), errc::no_such_group,
          "4294967295");
}

/// Whichever sources there are, and loaded already: one of them may know nobody whom it is not
/// told.
BOOST_AUTO_TEST_CASE(who_cannot_be_looked_up_is_not_taken_for_unknown)
{
    auto const check = [](credentials const& who) {
        std::string const name = "no-such-user";
        static_cast<void>(failure_of_launch(cat_as(credentials::user(name).group(name))));
        static_cast<void>(failure_of_launch(cat_as(credentials::user(1).group(name))));
        test::no_descriptors const none(64);
        auto const failure = failure_of_launch(cat_as(who));
        test::ensure(failure.where == stage::credentials, failure.message);
        test::ensure(failure.why.value() == EMFILE, failure.message);
    };
    for (credentials const& who : {credentials::user("daemon"), credentials::user("no-such-user"),
                                   credentials::user(1), credentials::user(54321).group("daemon")})
        BOOST_TEST(test::failure_in_fork([&] { check(who); }) == "");
}

BOOST_AUTO_TEST_CASE(the_login_environment_gives_way_to_the_commands_own)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        credentials who = credentials::user("nobody");
        command cmd("/usr/bin/env");
        cmd.clear_environment().environment("A", "1");
        std::string text = co_await output_of(command(cmd).credentials(who));
        BOOST_TEST(text == "A=1\n");
        who.login_environment();
        passwd const* const account = ::getpwnam("nobody");
        std::string const home = account->pw_dir;
        std::string const shell = account->pw_shell;
        text = co_await output_of(command(cmd).credentials(who));
        BOOST_TEST(text ==
                   "HOME=" + home + "\nUSER=nobody\nLOGNAME=nobody\nSHELL=" + shell + "\nA=1\n");
        cmd.environment("USER", "x").unset_environment("SHELL").credentials(who);
        text = co_await output_of(cmd);
        BOOST_TEST(text == "HOME=" + home + "\nUSER=x\nLOGNAME=nobody\nA=1\n");
    });
}

BOOST_AUTO_TEST_SUITE_END()
