#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/assume_identity.hpp>
#include <execasio/error.hpp>
#include <execasio/run.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <string>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::assume_identity;
using execasio::capabilities;
using execasio::command;
using execasio::credentials;
using execasio::stage;
using test::ensure;
using test::failure_in_fork;
using test::may_change_identity;

namespace {

/// The raw call: glibc's sends signals to all threads, such as a sanitizer's own.
long set_user(uid_t id)
{
    return ::syscall(SYS_setresuid, id, id, id);
}

/// Lines of /proc/self/status as a child of this program has them.
std::string status_of_a_child(std::string const& pattern)
{
    std::string text;
    asio::io_context context;
    command const cmd("/bin/grep", "-E", pattern, "/proc/self/status");
    asio::co_spawn(context, execasio::run(cmd),
                   [&](std::exception_ptr failure, execasio::run_result result) {
                       if (failure)
                           std::rethrow_exception(failure);
                       text = std::move(result.output.text);
                   });
    context.run();
    return text;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(assumed_identity, test::no_leaks)

BOOST_AUTO_TEST_CASE(it_is_the_user_with_these_capabilities_and_passes_none_on)
{
    if (!may_change_identity())
        return;
    std::string const failure = failure_in_fork([] {
        assume_identity(credentials::user("nobody"), capabilities().add(CAP_KILL).add(CAP_SETUID));
        ensure(::getuid() == 65534 && ::geteuid() == 65534 && ::getgid() == 65534, "ids");
        ensure(::getgroups(0, nullptr) <= 1, "groups");
        ensure(capabilities::held() == capabilities().add(CAP_KILL).add(CAP_SETUID), "held");
        ensure(::prctl(PR_GET_DUMPABLE) == 0, "can be traced");
        ensure(set_user(0) == 0, "what was kept is effective");
    });
    BOOST_TEST(failure == "");
    std::string const of_child = failure_in_fork([] {
        assume_identity(credentials::user("nobody"), capabilities().add(CAP_KILL));
        std::string const text = status_of_a_child("^(Uid|CapInh|CapPrm|CapEff|CapAmb):");
        ensure(text == "Uid:\t65534\t65534\t65534\t65534\nCapInh:\t0000000000000000\n"
                       "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
                       "CapAmb:\t0000000000000000\n",
               text);
    });
    BOOST_TEST(of_child == "");
}

BOOST_AUTO_TEST_CASE(without_capabilities_there_is_no_way_back)
{
    if (!may_change_identity())
        return;
    std::string const failure = failure_in_fork([] {
        assume_identity(credentials::user("nobody"), capabilities());
        ensure(capabilities::held().empty(), "held");
        ensure(set_user(0) == -1, "back to root");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(rights_can_be_given_up_without_a_change_of_the_user)
{
    if (!may_change_identity())
        return;
    std::string const failure = failure_in_fork([] {
        uid_t const user = ::getuid();
        assume_identity(std::nullopt, capabilities().add(CAP_KILL));
        ensure(::getuid() == user, "user");
        ensure(capabilities::held() == capabilities().add(CAP_KILL), "held");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_CASE(what_is_not_permitted_is_told_with_its_stage)
{
    std::string const failure = failure_in_fork([] {
        if (::geteuid() == 0)
            ensure(set_user(65534) == 0, "setresuid");
        try {
            assume_identity(credentials::user("root"), std::nullopt);
            ensure(false, "it became root");
        } catch (execasio::spawn_error const& e) {
            ensure(e.where() == stage::credentials && e.code().value() == EPERM, e.what());
        }
        try {
            assume_identity(std::nullopt, capabilities().add(CAP_SYS_ADMIN));
            ensure(false, "it got a capability");
        } catch (execasio::spawn_error const& e) {
            ensure(e.where() == stage::capabilities && e.code().value() == EPERM, e.what());
        }
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_SUITE_END()
