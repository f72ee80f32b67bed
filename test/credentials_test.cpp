#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/output_of.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/initializers.hpp>
#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::credentials;
using execasio::errc;
using execasio::stage;
using execasio::stream;
using test::ensure;
using test::failure_in_fork;
using test::failure_of_launch;
using test::may_change_identity;
using test::nobody;
using test::output_of;
using test::puppet;
using test::run_coroutine;
using test::status_of_child;
using test::status_of_child_here;

namespace {

command as(credentials c)
{
    return command("cat").credentials(std::move(c));
}

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

struct identity_check {
    uid_t expected;
    execasio::error_code on_exec_setup(boost::process::v2::posix::default_launcher&,
                                       boost::process::v2::filesystem::path const&,
                                       char const* const*) const
    {
        return {::getuid() == expected ? 0 : EDOM, boost::system::system_category()};
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(credentials_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(all_numbers_of_the_child_are_the_users)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        for (credentials const& who :
             {credentials::user("nobody"), credentials::user("65534"), credentials::user(nobody)}) {
            auto status = co_await status_of_child(as(who));
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
        auto status = co_await status_of_child(as(credentials::user(name)));
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
        auto status = co_await status_of_child(as(who));
        BOOST_TEST(status["Gid"] == "1 1 1 1");
        BOOST_TEST(status["Groups"] == "3 4242 54321");
        who.no_supplementary_groups();
        status = co_await status_of_child(as(who));
        BOOST_TEST(status["Groups"] == "");

        credentials unknown = credentials::user(54321);
        unknown.group(54322);
        status = co_await status_of_child(as(unknown));
        BOOST_TEST(status["Uid"] == "54321 54321 54321 54321");
        BOOST_TEST(status["Gid"] == "54322 54322 54322 54322");
        BOOST_TEST(status["Groups"] == "54322");
    });
}

BOOST_AUTO_TEST_CASE(what_is_not_found_is_named)
{
    auto const check = [](credentials const& who, errc expected, std::string const& name) {
        auto const failure = failure_of_launch(as(who));
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

BOOST_AUTO_TEST_CASE(the_parent_stays_dumpable)
{
    if (!may_change_identity())
        return;
    int const before = ::prctl(PR_GET_DUMPABLE);
    BOOST_REQUIRE(::prctl(PR_SET_DUMPABLE, 1) == 0);
    run_coroutine([]() -> asio::awaitable<void> {
        auto const status = co_await status_of_child(as(credentials::user("nobody")));
        BOOST_TEST(status.at("Uid") == "65534 65534 65534 65534");
    });
    BOOST_TEST(::prctl(PR_GET_DUMPABLE) == 1);
    ::prctl(PR_SET_DUMPABLE, before);
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_leaves_nothing)
{
    if (!may_change_identity())
        return;
    std::string hidden = "/tmp/execasio-test-XXXXXX"; // a program that only this user may execute
    int const fd = ::mkstemp(hidden.data());
    BOOST_REQUIRE(fd >= 0);
    ::fchmod(fd, 0700);
    ::close(fd);
    auto const check = [](command cmd, stage where, int error, std::string const& subject) {
        for (int i = 0; i < 3; ++i) {
            auto const failure = failure_of_launch(cmd.credentials(credentials::user("nobody")));
            BOOST_TEST(failure.where == where);
            BOOST_TEST(failure.why.value() == error);
            BOOST_TEST(failure.message.find(subject) != std::string::npos);
        }
    };
    check(command("/no/such/program"), stage::exec, ENOENT, "/no/such/program");
    check(command(hidden), stage::exec, EACCES, hidden);
    check(command("/bin/true").directory("/no/such"), stage::directory, ENOENT, "/no/such");
    check(command("/bin/true").group(execasio::process_group::join(0x3fffffff)), stage::group,
          EPERM, "");
    check(command("/bin/true")
              .input(stream::pipe)
              .output(stream::pipe)
              .capabilities(execasio::capabilities::from_mask(std::uint64_t{1} << 63)),
          stage::capabilities, EPERM, "cap_63");
    ::unlink(hidden.c_str());
}

BOOST_AUTO_TEST_CASE(descriptors_are_the_same_as_for_any_other_child)
{
    run_coroutine([]() -> asio::awaitable<void> {
        credentials self = credentials::user(::geteuid());
        self.group(::getegid()).no_supplementary_groups();
        int const null = ::open("/dev/null", O_RDONLY); // as other code's may be
        command cmd = puppet("fds", "link", "5", "signals", "pwd", "umask", "cat");
        cmd.credentials(self).directory("/").umask(027);
        std::vector<int> const numbers = {3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 40};
        std::string expected = "0 1 2";
        for (int const number : numbers) { // among them what the pipe for the report is
            cmd.descriptor(number, null);
            expected += " " + std::to_string(number);
        }
        execasio::run_options options;
        options.input("text");
        execasio::run_result const result = co_await execasio::run(cmd, options);
        BOOST_TEST(result.output.text == expected + "\n/dev/null\nsignals:\n/\n027\ntext");
        ::close(null);
    });
}

BOOST_AUTO_TEST_CASE(files_and_directories_are_the_users_affair)
{
    if (!may_change_identity())
        return;
    std::string directory = "/tmp/execasio-test-XXXXXX"; // mode 0700, this program's
    BOOST_REQUIRE(::mkdtemp(directory.data()));
    std::string const file = directory + "/file";
    credentials const user = credentials::user("nobody");
    auto const check = [&](command cmd, stage where, int error) {
        auto const failure = failure_of_launch(cmd.credentials(user));
        BOOST_TEST(to_string(failure.where) == to_string(where));
        BOOST_TEST(failure.why.value() == error);
        BOOST_TEST(failure.message.find(directory) != std::string::npos);
    };
    check(command("/bin/true").output(stream::truncate(file)), stage::open_output, EACCES);
    check(command("/bin/true").input(stream::read(file)), stage::open_input, EACCES);
    check(command("/bin/true").directory(directory), stage::directory, EACCES);
    BOOST_TEST(::access(file.c_str(), F_OK) != 0);

    BOOST_REQUIRE(::chmod(directory.c_str(), 0777) == 0);
    run_coroutine([&]() -> asio::awaitable<void> {
        for (bool const merge_output : {false, true}) {
            command cmd = command::shell("echo out; echo err >&2");
            cmd.credentials(user).directory(directory);
            if (merge_output)
                cmd.error(stream::truncate(file)).merge_output();
            else
                cmd.output(stream::truncate(file)).merge_error();
            execasio::run_result const result = co_await execasio::run(cmd);
            BOOST_TEST(result.how.code() == 0);
            struct stat s {};
            BOOST_TEST(::stat(file.c_str(), &s) == 0);
            BOOST_TEST(s.st_uid == nobody);
            BOOST_TEST(s.st_size == 8);
            ::unlink(file.c_str());
        }
    });
    ::rmdir(directory.c_str());
}

BOOST_AUTO_TEST_CASE(a_terminal_belongs_to_the_user)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = command::shell("echo by name >$(tty); echo by its own >/dev/tty");
        cmd.terminal(execasio::terminal_options()).credentials(credentials::user("nobody"));
        execasio::process p = execasio::spawn(ex, cmd);
        std::string const text = co_await p.output().read_all();
        BOOST_TEST(text == "by name\r\nby its own\r\n");
        co_await p.wait();
    });
}

BOOST_AUTO_TEST_CASE(hooks_run_as_the_user)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command const cmd = command("/bin/true").credentials(credentials::user("nobody"));
        identity_check const right{nobody};
        execasio::process p = execasio::spawn(ex, cmd, right);
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.success());
        try {
            identity_check const wrong{0};
            p = execasio::spawn(ex, cmd, wrong);
            BOOST_ERROR("the spawn succeeded");
        } catch (execasio::spawn_error const& e) {
            BOOST_TEST(e.where() == stage::initializer);
            BOOST_TEST(e.code().value() == EDOM);
        }
    });
}

BOOST_AUTO_TEST_CASE(without_the_right_to_it_nothing_is_started)
{
    std::string const failure = failure_in_fork([] {
        if (::geteuid() == 0)
            test::become(nobody, 0);
        for (credentials const& who : {credentials::user("root"), credentials::user("daemon"),
                                       credentials::user(nobody).supplementary_groups("daemon")}) {
            auto const failed = failure_of_launch(as(who));
            ensure(failed.where == stage::credentials, failed.message);
            ensure(failed.why.value() == EPERM, failed.message);
        }
        // As whoever it is, with the groups that it has, it may be.
        credentials self = credentials::user(::geteuid());
        self.group(::getegid()).no_supplementary_groups();
        ensure(status_of_child_here(as(self))["Uid"].starts_with("65534 "), "self");
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
        auto const failed = failure_of_launch(as(who));
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
        command cmd = as(credentials::user("daemon"));
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
        auto status = status_of_child_here(as(credentials::user("daemon")));
        ensure(status["Uid"] == "1 1 1 1", status["Uid"]);
        ensure(status["Groups"] == "1", status["Groups"]);
        for (char const* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
            ensure(status[set] == test::hexadecimal(0), set + (": " + status[set]));
        status = status_of_child_here(
            as(credentials::user("daemon")).capabilities(execasio::capabilities("kill")));
        ensure(status["CapEff"] == test::hexadecimal(1U << CAP_KILL), status["CapEff"]);
        status = status_of_child_here(as(credentials::user("root")));
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
            command cmd = as(credentials::user("nobody"));
            if (ignored == SYS_capset)
                cmd = as(credentials::user("root")).capabilities(execasio::capabilities());
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
            command cmd = as(credentials::user("nobody"));
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
