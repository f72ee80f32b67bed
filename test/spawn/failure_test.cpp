#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/temporary_file.hpp"

#include <execasio/spawn.hpp>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::errc;
using execasio::stage;
using execasio::stream;
using test::puppet;
using test::temporary_file;

namespace {

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

} // namespace

BOOST_FIXTURE_TEST_SUITE(spawn, test::no_leaks)

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
