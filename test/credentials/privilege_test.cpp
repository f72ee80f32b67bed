#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/output_of.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::credentials;
using execasio::errc;
using execasio::stage;
using test::cat_as;
using test::ensure;
using test::failure_in_fork;
using test::failure_of_launch;
using test::may_change_identity;
using test::nobody;
using test::output_of;
using test::puppet;
using test::run_coroutine;
using test::status_of_child_here;

BOOST_FIXTURE_TEST_SUITE(credentials_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(without_the_right_to_it_nothing_is_started)
{
    std::string const failure = failure_in_fork([] {
        if (::geteuid() == 0)
            test::become(nobody, 0);
        for (credentials const& who : {credentials::user("root"), credentials::user("daemon"),
                                       credentials::user(nobody).supplementary_groups("daemon")}) {
            auto const failed = failure_of_launch(cat_as(who));
            ensure(failed.where == stage::credentials, failed.message);
            ensure(failed.why.value() == EPERM, failed.message);
        }
        // As whoever it is, with the groups that it has, it may be.
        credentials self = credentials::user(::geteuid());
        self.group(::getegid()).no_supplementary_groups();
        ensure(status_of_child_here(cat_as(self))["Uid"].starts_with("65534 "), "self");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(groups_that_cannot_be_dropped_are_a_refusal)
{
    if (!may_change_identity())
        return;
    std::string const failure = failure_in_fork([] {
        gid_t const extra[] = {4242};
        ensure(::setgroups(1, extra) == 0, "setgroups");
        auto const write = [](char const* path, std::string const& text) {
            int const fd = ::open(path, O_WRONLY | O_CLOEXEC);
            ensure(fd >= 0 && ::write(fd, text.data(), text.size()) > 0, path);
            ::close(fd);
        };
        std::string const uid_map = "0 " + std::to_string(::geteuid()) + " 1";
        std::string const gid_map = "0 " + std::to_string(::getegid()) + " 1";
        if (::unshare(CLONE_NEWUSER) != 0)
            return; // no user namespaces here, so nothing to get wrong
        write("/proc/self/setgroups", "deny");
        write("/proc/self/uid_map", uid_map);
        write("/proc/self/gid_map", gid_map);
        credentials who = credentials::user(0);
        who.group(0).no_supplementary_groups();
        auto const failed = failure_of_launch(cat_as(who));
        ensure(failed.where == stage::credentials && failed.why.value() == EPERM, failed.message);
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(a_parent_that_has_switched_its_effective_user_may)
{
    if (!may_change_identity())
        return;
    std::string const failure = failure_in_fork([] {
        ensure(::setresuid(0, nobody, 0) == 0, "setresuid");
        command cmd = cat_as(credentials::user("daemon"));
        if (execasio::capabilities::held().contains(CAP_SYS_NICE))
            cmd.nice(-3); // a right that is held, though not in use
        auto status = status_of_child_here(cmd);
        ensure(status["Uid"] == "1 1 1 1", status["Uid"]);
        ensure(status["Groups"] == "1", status["Groups"]);
        ensure(status["CapPrm"] == test::hexadecimal(0), status["CapPrm"]);
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(a_parent_with_no_more_than_the_capabilities_may_and_passes_none_on)
{
    if (!may_change_identity())
        return;
    std::string const failure = failure_in_fork([] {
        auto const own = std::uint64_t{1} << CAP_SETUID | std::uint64_t{1} << CAP_SETGID |
                         std::uint64_t{1} << CAP_KILL;
        test::become(nobody, own);
        // What one ordinary user has of these the kernel leaves to the next one.
        ensure(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) == 0, "ambient");
        auto status = status_of_child_here(cat_as(credentials::user("daemon")));
        ensure(status["Uid"] == "1 1 1 1", status["Uid"]);
        ensure(status["Groups"] == "1", status["Groups"]);
        for (char const* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
            ensure(status[set] == test::hexadecimal(0), set + (": " + status[set]));
        status = status_of_child_here(
            cat_as(credentials::user("daemon")).capabilities(execasio::capabilities("kill")));
        ensure(status["CapEff"] == test::hexadecimal(1U << CAP_KILL), status["CapEff"]);
        status = status_of_child_here(cat_as(credentials::user("root")));
        ensure(status["Uid"] == "0 0 0 0", status["Uid"]);
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(what_the_kernel_says_counts_not_what_a_call_returns)
{
    if (!may_change_identity())
        return;
    // A filter that answers "done" and does nothing.
    for (long const ignored : {SYS_setgroups, SYS_setresgid, SYS_setresuid, SYS_capset}) {
        std::string const failure = failure_in_fork([&] {
            gid_t const extra[] = {4242};
            ensure(::setgroups(1, extra) == 0, "setgroups");
            test::refuse_system_calls({ignored}, 0);
            command cmd = cat_as(credentials::user("nobody"));
            if (ignored == SYS_capset)
                cmd = cat_as(credentials::user("root")).capabilities(execasio::capabilities());
            auto const failed = failure_of_launch(cmd);
            ensure(failed.why == errc::identity_not_verified, failed.message);
            ensure(failed.where ==
                       (ignored == SYS_capset ? stage::capabilities : stage::credentials),
                   failed.message);
        });
        BOOST_TEST_INFO("system call " << ignored);
        BOOST_TEST(failure == "");
    }
}

BOOST_AUTO_TEST_CASE(it_works_behind_a_filter)
{
    if (!may_change_identity())
        return;
#ifdef __SANITIZE_THREAD__
    BOOST_TEST_MESSAGE("skipped: ThreadSanitizer does not bear the older call");
    return;
#endif
    std::vector<std::vector<long>> const filters = {
        {SYS_clone3},
        {SYS_close_range},
        {SYS_clone3, SYS_pidfd_open, SYS_close_range, SYS_pidfd_send_signal}};
    for (auto const& refused : filters) {
        std::string const failure = failure_in_fork([&] {
            test::refuse_system_calls(refused, EPERM, refused.size() > 1);
            int const leaky = ::open("/dev/null", O_RDONLY);
            command cmd = cat_as(credentials::user("nobody"));
            auto status = status_of_child_here(cmd);
            ensure(status["Uid"] == "65534 65534 65534 65534", status["Uid"]);
            auto const failed = failure_of_launch(
                command("/no/such/program").credentials(credentials::user("nobody")));
            ensure(failed.where == stage::exec && failed.why.value() == ENOENT, failed.message);
            ::close(leaky);
        });
        BOOST_TEST(failure == "");
    }
}

BOOST_AUTO_TEST_SUITE_END()
