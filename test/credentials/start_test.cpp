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

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::credentials;
using execasio::stage;
using execasio::stream;
using test::cat_as;
using test::ensure;
using test::failure_in_fork;
using test::failure_of_launch;
using test::may_change_identity;
using test::nobody;
using test::output_of;
using test::puppet;
using test::run_coroutine;
using test::status_of_child;

namespace {

struct identity_check {
    uid_t expected;
    execasio::error_code on_exec_setup(boost::process::v2::posix::default_launcher&,
                                       boost::process::v2::filesystem::path const&,
                                       char const* const*) const
    {
        return {::getuid() == expected ? 0 : EDOM, boost::system::system_category()};
    }
};

/// In the body of `failure_in_fork`.
std::string output_here(command const& cmd)
{
    asio::io_context context(1);
    std::string text;
    auto const run = [&]() -> asio::awaitable<void> {
        execasio::run_result const result = co_await execasio::run(cmd);
        text = result.output.text;
    };
    asio::co_spawn(context, run, [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
    });
    context.run();
    return text;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(credentials_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(the_parent_stays_dumpable)
{
    if (!may_change_identity())
        return;
    int const before = ::prctl(PR_GET_DUMPABLE);
    BOOST_REQUIRE(::prctl(PR_SET_DUMPABLE, 1) == 0);
    run_coroutine([]() -> asio::awaitable<void> {
        auto const status = co_await status_of_child(cat_as(credentials::user("nobody")));
        BOOST_TEST(status.at("Uid") == "65534 65534 65534 65534");
    });
    BOOST_TEST(::prctl(PR_GET_DUMPABLE) == 1);
    ::prctl(PR_SET_DUMPABLE, before);
}

BOOST_AUTO_TEST_CASE(keys_of_the_parents_session_are_not_another_users)
{
    if (!may_change_identity())
        return;
    if (::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0) {
        BOOST_TEST_MESSAGE("skipped: no keyctl(2)");
        return;
    }
    BOOST_TEST(failure_in_fork([] {
                   char const* const name = "execasio-test";
                   ensure(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) > 0, "keyctl");
                   command const same = command("cat", "/proc/keys");
                   command other = same;
                   other.credentials(credentials::user("nobody"));
                   std::string const own_keys = output_here(same);
                   ensure(own_keys.find(name) != std::string::npos, own_keys);
                   std::string const keys = output_here(other);
                   ensure(keys.find("_ses") != std::string::npos, keys);
                   ensure(keys.find(name) == std::string::npos, keys);
               }) == "");
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

BOOST_AUTO_TEST_CASE(a_terminal_belongs_to_the_user_when_this_program_may_give_nothing_away)
{
    if (!may_change_identity())
        return;
    BOOST_TEST(failure_in_fork([] {
                   auto const bit = [](int number) { return std::uint64_t{1} << number; };
                   test::become(nobody, bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_KILL));
                   ensure(::prctl(PR_SET_DUMPABLE, 1) == 0, "PR_SET_DUMPABLE");
                   ensure(::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0, "PR_SET_PDEATHSIG");
                   command cmd = command::shell("stat --format=%U $(tty); echo y >/dev/tty");
                   cmd.terminal(execasio::terminal_options());
                   cmd.credentials(credentials::user("daemon"));
                   std::string const text = output_here(cmd);
                   ensure(text == "daemon\r\ny\r\n", text);
                   ensure(::prctl(PR_GET_DUMPABLE) == 1, "no longer dumpable");
                   int death_signal = 0;
                   ::prctl(PR_GET_PDEATHSIG, &death_signal);
                   ensure(death_signal == SIGTERM, "no parent-death signal");
                   ensure(::waitpid(-1, nullptr, __WALL) < 0, "a process is left");
               }) == "");
}

BOOST_AUTO_TEST_CASE(the_pipe_of_its_reports_cannot_be_kept)
{
    int refused = 0;
    int const end = static_cast<int>(test::open_descriptors()) + 16; // numbers are the lowest free
    for (int number = 3; number < end; ++number) {
        std::string const link = "/proc/self/fd/" + std::to_string(number);
        for (bool const input : {false, true}) {
            command cmd("sleep", "1000"); // which would hold it for as long
            cmd.credentials(test::own_identity());
            input ? cmd.input(stream::read(link)) : cmd.output(stream::append(link));
            auto const failure = failure_of_launch(cmd);
            BOOST_TEST(failure.where == (input ? stage::open_input : stage::open_output));
            refused += failure.why.value() == ELOOP ? 1 : 0;
        }
    }
    BOOST_TEST(refused == 2); // the others are of nothing
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

BOOST_AUTO_TEST_SUITE_END()
