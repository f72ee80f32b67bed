#include "support/no_leaks.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::stage;
using execasio::stream;
using test::puppet;
using test::run_coroutine;

namespace {

asio::awaitable<std::string> output_of(command cmd)
{
    execasio::run_result const result = co_await execasio::run(std::move(cmd));
    BOOST_TEST(execasio::describe(result.how) == "exit code 0");
    BOOST_TEST(result.error.text == "");
    co_return result.output.text;
}

/// The stage and errno of a spawn that fails.
std::pair<stage, int> failure_of(command const& cmd)
{
    asio::io_context context;
    try {
        execasio::process const p = execasio::spawn(context.get_executor(), cmd);
        BOOST_ERROR("the spawn succeeded");
    } catch (execasio::spawn_error const& e) {
        return {e.where(), e.code().value()};
    }
    return {stage::none, 0};
}

/// A file of this test's, gone when it ends.
class temporary_file {
public:
    explicit temporary_file(std::string const& content = "")
    {
        int const fd = ::mkstemp(path_.data());
        BOOST_REQUIRE(fd >= 0);
        BOOST_REQUIRE(::write(fd, content.data(), content.size()) ==
                      static_cast<ssize_t>(content.size()));
        ::close(fd);
    }
    ~temporary_file() { std::filesystem::remove(path_); }
    temporary_file(temporary_file const&) = delete;
    temporary_file& operator=(temporary_file const&) = delete;

    std::string const& path() const { return path_; }
    std::string content() const
    {
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    std::string path_ = "/tmp/execasio-test-XXXXXX";
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(spawn, test::no_leaks)

BOOST_AUTO_TEST_CASE(arguments_reach_the_program_as_they_are)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const out = co_await output_of(puppet("args", "a b", "", "$HOME", "*", "\n"));
        BOOST_TEST(out == test::puppet_path() + "\n[a b]\n[]\n[$HOME]\n[*]\n[\n]\n");
    });
}

BOOST_AUTO_TEST_CASE(argv0_can_differ_from_the_file)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd("another-name", "args");
        cmd.executable(test::puppet_path());
        BOOST_TEST(co_await output_of(cmd) == "another-name\n");
    });
}

BOOST_AUTO_TEST_CASE(a_shell_runs_a_line)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::string const out = co_await output_of(command::shell("echo $((1+1)) | cat"));
        BOOST_TEST(out == "2\n");
    });
}

BOOST_AUTO_TEST_CASE(a_plain_name_is_searched_in_the_childs_path)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::filesystem::path const where = test::puppet_path();
        command cmd(where.filename().string(), "say", "found");
        cmd.environment("PATH", "/nonexistent:" + where.parent_path().string());
        BOOST_TEST(co_await output_of(cmd) == "found\n");
        cmd.environment("PATH", ".").directory(where.parent_path().string());
        BOOST_TEST(co_await output_of(cmd) == "found\n");
        cmd.environment("PATH", "");
        BOOST_TEST(co_await output_of(cmd) == "found\n");
        cmd.search_path(false);
        BOOST_TEST(co_await output_of(cmd) == "found\n"); // in its working directory
    });
}

BOOST_AUTO_TEST_CASE(environment_is_inherited_set_unset_and_cleared)
{
    ::setenv("EXECASIO_TEST_VARIABLE", "parent", 1);
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("getenv", "EXECASIO_TEST_VARIABLE", "getenv", "NEW");
        BOOST_TEST(co_await output_of(cmd) == "=parent\nunset\n");
        cmd.environment("NEW", "").environment("EXECASIO_TEST_VARIABLE", "a=b");
        BOOST_TEST(co_await output_of(cmd) == "=a=b\n=\n");
        cmd.unset_environment("EXECASIO_TEST_VARIABLE").unset_environment("NEVER_SET");
        BOOST_TEST(co_await output_of(cmd) == "unset\n=\n");
        cmd.environment("EXECASIO_TEST_VARIABLE", "again");
        BOOST_TEST(co_await output_of(cmd) == "=again\n=\n");

        command bare = puppet("env");
        bare.clear_environment().environment("A", "1").environment("A", "2");
        BOOST_TEST(co_await output_of(bare) == "A=2\n");
    });
    ::unsetenv("EXECASIO_TEST_VARIABLE");
}

BOOST_AUTO_TEST_CASE(directory_umask_and_nice_are_in_force_before_exec)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("pwd", "umask", "nice");
        cmd.directory("/").umask(027).nice(5);
        BOOST_TEST(co_await output_of(cmd) == "/\n027\n5\n");
    });
}

BOOST_AUTO_TEST_CASE(groups_and_sessions)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (int kind = 0; kind < 3; ++kind) {
            command cmd = puppet("ids");
            cmd.output(stream::pipe);
            if (kind == 1)
                cmd.group(execasio::process_group::create());
            if (kind == 2)
                cmd.new_session();
            execasio::process p = execasio::spawn(ex, cmd);
            std::string const id = std::to_string(p.id());
            std::string const group = kind == 0 ? std::to_string(::getpgrp()) : id;
            std::string const session = kind == 2 ? id : std::to_string(::getsid(0));
            auto const line = co_await p.output().read_line();
            BOOST_TEST(line.value() == id + " " + group + " " + session);
            BOOST_TEST(p.group() == (kind == 0 ? 0 : p.id()));
            co_await p.wait();
        }
        command leader = puppet("pause");
        leader.group(execasio::process_group::create());
        execasio::process first = execasio::spawn(ex, leader);
        command member = puppet("ids");
        member.output(stream::pipe).group(execasio::process_group::join(first.id()));
        execasio::process second = execasio::spawn(ex, member);
        auto const line = co_await second.output().read_line();
        BOOST_TEST(line->find(" " + std::to_string(first.id()) + " ") != std::string::npos);
        co_await second.wait();
        first.signal(SIGKILL);
        co_await first.wait();
    });
}

BOOST_AUTO_TEST_CASE(signals_are_reset_unless_asked_for)
{
    sigset_t usr1;
    sigset_t before;
    ::sigemptyset(&usr1);
    ::sigaddset(&usr1, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &usr1, &before);
    auto const old = ::signal(SIGUSR2, SIG_IGN);
    auto const old_hup = ::signal(SIGHUP, SIG_IGN);
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("signals");
        BOOST_TEST(co_await output_of(cmd) == "signals:\n");
        cmd.inherit_signal_mask();
        BOOST_TEST(co_await output_of(cmd) == "signals: blocked 10\n");
        cmd.inherit_ignored_signals();
        BOOST_TEST(co_await output_of(cmd) == "signals: ignored 1 blocked 10 ignored 12\n");
    });
    ::signal(SIGUSR2, old);
    ::signal(SIGHUP, old_hup);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(the_parents_signal_mask_is_what_it_was)
{
    sigset_t before;
    sigset_t after;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
    run_coroutine([]() -> asio::awaitable<void> { co_await output_of(puppet("say", "x")); });
    ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
    for (int n = 1; n <= 64; ++n)
        BOOST_TEST(::sigismember(&before, n) == ::sigismember(&after, n));
}

BOOST_AUTO_TEST_CASE(files_are_read_truncated_and_appended_to)
{
    temporary_file const in("input");
    temporary_file const out("old");
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("cat");
        cmd.input(stream::read(in.path())).output(stream::truncate(out.path()));
        BOOST_TEST(co_await output_of(cmd) == "");
        BOOST_TEST(out.content() == "input");
        cmd.output(stream::append(out.path()));
        BOOST_TEST(co_await output_of(cmd) == "");
        BOOST_TEST(out.content() == "inputinput");
    });
}

BOOST_AUTO_TEST_CASE(a_new_file_has_the_mode_given_less_the_umask)
{
    temporary_file const file;
    std::filesystem::remove(file.path());
    ::mode_t const mask = ::umask(022);
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("say", "x");
        cmd.output(stream::truncate(file.path(), 0666));
        co_await output_of(cmd);
        struct stat s {};
        BOOST_REQUIRE(::stat(file.path().c_str(), &s) == 0);
        BOOST_TEST((s.st_mode & 07777) == 0644u);
    });
    ::umask(mask);
}

BOOST_AUTO_TEST_CASE(null_and_closed_streams)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("link", "0", "link", "2");
        cmd.input(stream::null).error(stream::null);
        BOOST_TEST(co_await output_of(cmd) == "/dev/null\n/dev/null\n");
        cmd.input(stream::close).error(stream::close);
        BOOST_TEST(co_await output_of(cmd) == "closed\nclosed\n");
    });
}

BOOST_AUTO_TEST_CASE(streams_merge_either_way)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("say", "o", "err", "e", "say", "o");
        cmd.merge_error();
        execasio::run_result result = co_await execasio::run(cmd);
        BOOST_TEST(result.output.text == "o\ne\no\n");
        BOOST_TEST(result.error.total == 0u);

        command other = puppet("say", "o", "err", "e", "say", "o");
        other.merge_output();
        result = co_await execasio::run(other);
        BOOST_TEST(result.error.text == "o\ne\no\n");
        BOOST_TEST(result.output.total == 0u);
    });
}

BOOST_AUTO_TEST_CASE(the_parents_own_streams_can_be_swapped)
{
    temporary_file const one;
    temporary_file const two;
    int const saved[] = {::fcntl(1, F_DUPFD_CLOEXEC, 10), ::fcntl(2, F_DUPFD_CLOEXEC, 10)};
    int const first = ::open(one.path().c_str(), O_WRONLY | O_CLOEXEC);
    int const second = ::open(two.path().c_str(), O_WRONLY | O_CLOEXEC);
    asio::io_context context;
    command cmd = puppet("say", "o", "err", "e");
    cmd.output(stream::descriptor(2)).error(stream::descriptor(1));
    ::dup2(first, 1);
    ::dup2(second, 2);
    execasio::process p = execasio::spawn(context.get_executor(), cmd);
    ::dup2(saved[0], 1);
    ::dup2(saved[1], 2);
    for (int const fd : {saved[0], saved[1], first, second})
        ::close(fd);
    p.async_wait([](execasio::error_code, execasio::exit_record const&) {});
    context.run();
    BOOST_TEST(one.content() == "e\n");
    BOOST_TEST(two.content() == "o\n");
}

BOOST_AUTO_TEST_CASE(standard_streams_that_the_parent_has_closed_do_not_confuse)
{
    int const saved = ::fcntl(0, F_DUPFD_CLOEXEC, 10);
    ::close(0); // the pipes made for the child now get number 0
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = puppet("count", "say", "o", "err", "e");
        execasio::run_options options;
        options.input("abc");
        execasio::run_result const result = co_await execasio::run(cmd, options);
        BOOST_TEST(result.output.text == "3\no\n");
        BOOST_TEST(result.error.text == "e\n");
    });
    if (saved >= 0) {
        ::dup2(saved, 0);
        ::close(saved);
    }
}

BOOST_AUTO_TEST_CASE(only_the_listed_descriptors_are_passed)
{
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0); // not close-on-exec, as other code's may be
    BOOST_REQUIRE(::write(ends[1], "hello", 5) == 5);
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("fds", "readfd", "7");
        cmd.descriptor(7, ends[0]);
        BOOST_TEST(co_await output_of(cmd) == "0 1 2 7\nhello\n");
        command swap = puppet("fds");
        swap.descriptor(ends[0], ends[1]).descriptor(ends[1], ends[0]);
        std::string const out = co_await output_of(swap);
        BOOST_TEST(out == "0 1 2 " + std::to_string(std::min(ends[0], ends[1])) + " " +
                              std::to_string(std::max(ends[0], ends[1])) + "\n");
    });
    ::close(ends[0]);
    ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(high_descriptors_reach_the_child)
{
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    BOOST_REQUIRE(::write(ends[1], "high", 4) == 4);
    int const high = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 900);
    BOOST_REQUIRE(high >= 900);
    run_coroutine([&]() -> asio::awaitable<void> {
        command cmd = puppet("fds", "readfd", "3");
        cmd.descriptor(3, high);
        BOOST_TEST(co_await output_of(cmd) == "0 1 2 3\nhigh\n");
    });
    for (int const fd : {ends[0], ends[1], high})
        ::close(fd);
}

BOOST_AUTO_TEST_CASE(every_failing_step_is_named)
{
    using result = std::pair<stage, int>;
    auto const check = [](command const& cmd, result expected) {
        result const got = failure_of(cmd);
        BOOST_TEST(execasio::to_string(got.first) == execasio::to_string(expected.first));
        BOOST_TEST(got.second == expected.second);
        BOOST_TEST(!test::has_children()); // not even a zombie
    };
    auto const value = [](execasio::errc e) { return static_cast<int>(e); };
    using execasio::errc;

    check(command(), {stage::command, value(errc::empty_command)});
    check(command(""), {stage::command, value(errc::empty_command)});
    check(puppet(std::string("a\0b", 3)), {stage::command, value(errc::embedded_nul)});
    check(puppet().directory(std::string("/\0", 2)), {stage::command, value(errc::embedded_nul)});
    check(puppet().environment("A=B", ""), {stage::command, value(errc::bad_variable_name)});
    check(puppet().environment("", "x"), {stage::command, value(errc::bad_variable_name)});
    check(puppet().merge_error().merge_output(), {stage::command, value(errc::circular_merge)});
    check(puppet().descriptor(2, 1), {stage::command, value(errc::bad_descriptor)});
    check(puppet().descriptor(5, 1).descriptor(5, 2),
          {stage::command, value(errc::bad_descriptor)});
    check(command("no-such-program-anywhere").environment("PATH", "/usr/bin:/bin"),
          {stage::search, ENOENT});
    check(command("/no/such/program"), {stage::exec, ENOENT});
    check(command("/tmp"), {stage::exec, EACCES});
    check(command("tmp").environment("PATH", "/nonexistent:/"), {stage::search, EACCES});
    check(puppet().directory("/no/such/directory"), {stage::directory, ENOENT});
    check(puppet().directory("/dev/null"), {stage::directory, ENOTDIR});
    check(puppet().group(execasio::process_group::join(0x3fffffff)), {stage::group, EPERM});
    check(puppet().input(stream::read("/no/such/file")), {stage::open_input, ENOENT});
    check(puppet().output(stream::truncate("/no/such/file")), {stage::open_output, ENOENT});
    check(puppet().error(stream::append("/tmp")), {stage::open_error, EISDIR});
    check(puppet().output(stream::descriptor(999)), {stage::descriptors, EBADF});
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_program_is_refused)
{
    temporary_file const plain("echo x\n");
    BOOST_TEST((failure_of(command(plain.path())) == std::pair(stage::exec, EACCES)));
    ::chmod(plain.path().c_str(), 0755);
    BOOST_TEST((failure_of(command(plain.path())) == std::pair(stage::exec, ENOEXEC)));
}

BOOST_AUTO_TEST_CASE(a_fifo_without_a_reader_does_not_block)
{
    temporary_file const file;
    std::filesystem::remove(file.path());
    BOOST_REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
    BOOST_TEST((failure_of(puppet().output(stream::truncate(file.path()))) ==
                std::pair(stage::open_output, ENXIO)));
}

BOOST_AUTO_TEST_CASE(an_error_code_does_instead_of_an_exception)
{
    asio::io_context context;
    execasio::error_code ec;
    execasio::process const p = execasio::spawn(context.get_executor(), command("/no/such"), ec);
    BOOST_TEST(ec.value() == ENOENT);
    BOOST_TEST(!p.valid());
}

BOOST_AUTO_TEST_CASE(the_message_says_what_failed_at_which_program)
{
    asio::io_context context;
    try {
        execasio::process const p = execasio::spawn(context.get_executor(), command("/no/such"));
        BOOST_ERROR("the spawn succeeded");
    } catch (execasio::spawn_error const& e) {
        BOOST_TEST(std::string(e.what()).find("exec '/no/such'") != std::string::npos);
        BOOST_TEST(e.pid() > 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
