#include "support/forked.hpp"
#include "support/identity.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/capabilities.hpp>
#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <cerrno>
#include <filesystem>

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::capabilities;
using execasio::command;
using execasio::credentials;
using execasio::errc;
using execasio::stage;
using execasio::stream;
using test::ensure;
using test::failure_in_fork;
using test::failure_of_launch;
using test::hexadecimal;
using test::may_change_identity;
using test::nobody;
using test::puppet;
using test::run_coroutine;
using test::status_fields;
using test::status_of_child;
using test::status_of_child_here;

namespace {

command cat()
{
    return command("cat");
}

void check_sets(status_fields& status, std::uint64_t mask)
{
    for (char const* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
        BOOST_TEST_INFO(set);
        BOOST_TEST(status[set] == hexadecimal(mask));
    }
}

/// Whether this process may take from the bounding set and change the secure bits.
bool has_setpcap()
{
    bool const has = capabilities::held().contains(CAP_SETPCAP);
    if (!has)
        BOOST_TEST_MESSAGE("skipped: without CAP_SETPCAP");
    return has;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(capabilities_suite, test::no_leaks)

BOOST_AUTO_TEST_CASE(names_have_many_forms)
{
    std::uint64_t const kill = 1U << CAP_KILL;
    for (char const* name : {"kill", "KILL", "cap_kill", "CAP_KILL", "Cap_Kill", "5", "cap_5"})
        BOOST_TEST(capabilities(name).mask() == kill);
    BOOST_TEST(capabilities("chown", "cap_checkpoint_restore").mask() ==
               (std::uint64_t{1} << 40 | 1U));
    BOOST_TEST(capabilities().add(63).mask() == std::uint64_t{1} << 63);
    BOOST_TEST(capabilities("63").contains(63));
    BOOST_TEST(!capabilities("63").contains(64));
    for (char const* name : {"all", "ALL", "All"})
        BOOST_TEST(capabilities(name).mask() == capabilities::all().mask());
    BOOST_TEST(capabilities::all().contains(CAP_CHECKPOINT_RESTORE));
    BOOST_TEST(!capabilities::all().contains(63));
    BOOST_TEST(describe(capabilities("5", "0", "63")) == "cap_chown,cap_kill,cap_63");
    BOOST_TEST(describe(capabilities()) == "");
    BOOST_TEST(capabilities("kill", "chown").remove(capabilities("chown")).mask() == kill);

    for (char const* name : {"", "cap_", "kil", "kill ", "cap_cap_kill", "64", "-1", "5x", "0x5",
                             "a_name_that_is_longer_than_any_capability_has"}) {
        try {
            capabilities const set{name};
            BOOST_ERROR("accepted: " << name);
        } catch (boost::system::system_error const& e) {
            BOOST_TEST(e.code() == errc::no_such_capability);
            BOOST_TEST(std::string(e.what()).find(name) != std::string::npos);
        }
    }
    BOOST_CHECK_THROW(capabilities().add(64), boost::system::system_error);
    BOOST_TEST(!capabilities::number_of("5").has_value());
    BOOST_TEST(capabilities::number_of("Net_Admin").value() == 12U);
}

BOOST_AUTO_TEST_CASE(another_user_keeps_exactly_these)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        for (capabilities const& set :
             {capabilities("kill", "setgid"), capabilities("setpcap"), capabilities()}) {
            command cmd = cat().credentials(credentials::user("nobody"));
            auto status = co_await status_of_child(cmd);
            std::string const bounding = status["CapBnd"];
            check_sets(status, 0);
            cmd.capabilities(set);
            status = co_await status_of_child(cmd);
            check_sets(status, set.mask());
            BOOST_TEST(status["Uid"] == "65534 65534 65534 65534");
            BOOST_TEST(status["CapBnd"] == bounding);
        }
    });
}

BOOST_AUTO_TEST_CASE(user_number_0_keeps_exactly_these_too)
{
    if (!may_change_identity() || !has_setpcap())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        for (capabilities const& set : {capabilities("kill", "chown"), capabilities()}) {
            command cmd = cat().capabilities(set);
            auto status = co_await status_of_child(cmd);
            check_sets(status, set.mask());
            BOOST_TEST(status["Uid"] == "0 0 0 0");
            cmd.credentials(credentials::user("root"));
            status = co_await status_of_child(cmd);
            check_sets(status, set.mask());
        }
        auto status = co_await status_of_child(cat().credentials(credentials::user("root")));
        BOOST_TEST(status["CapEff"] != hexadecimal(0)); // without a word about them, all
    });
}

BOOST_AUTO_TEST_CASE(user_number_0_may_keep_all_and_pass_these_on)
{
    if (!may_change_identity())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        auto const all = test::status_of_child_here(cat())["CapEff"];
        std::uint64_t const kill = 1U << CAP_KILL;
        command cmd = cat().ambient_capabilities(capabilities("kill"));
        for (bool const named : {false, true}) {
            if (named)
                cmd.credentials(credentials::user("root"));
            auto status = co_await status_of_child(cmd);
            BOOST_TEST(status["CapAmb"] == hexadecimal(kill));
            BOOST_TEST(status["CapInh"] == hexadecimal(kill));
            BOOST_TEST(status["CapPrm"] == all);
            BOOST_TEST(status["CapEff"] == all);
        }
        cmd.credentials(credentials::user("nobody"));
        auto status = co_await status_of_child(cmd);
        check_sets(status, kill);
        status = co_await status_of_child(cat()
                                              .credentials(credentials::user("root"))
                                              .ambient_capabilities(capabilities("kill"))
                                              .capabilities(capabilities("chown")));
        check_sets(status, 1U << CAP_CHOWN);
    });
}

BOOST_AUTO_TEST_CASE(the_bounding_set_loses_all_others)
{
    if (!may_change_identity() || !has_setpcap())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        std::uint64_t const kill = 1U << CAP_KILL;
        std::uint64_t const chown = 1U << CAP_CHOWN;
        auto status = co_await status_of_child(cat().bounding_set(capabilities("kill")));
        BOOST_TEST(status["CapBnd"] == hexadecimal(kill));
        BOOST_TEST(status["CapEff"] == hexadecimal(kill)); // root has what is left
        status = co_await status_of_child(cat().bounding_set(capabilities::all()));
        BOOST_TEST(status["CapBnd"] == test::status_of_child_here(cat())["CapBnd"]);
        // What a child keeps may be more than it could ever get by another program.
        status = co_await status_of_child(cat()
                                              .credentials(credentials::user("nobody"))
                                              .capabilities(capabilities("chown"))
                                              .bounding_set(capabilities("kill")));
        BOOST_TEST(status["CapBnd"] == hexadecimal(kill));
        check_sets(status, chown);
    });
}

BOOST_AUTO_TEST_CASE(no_new_privileges)
{
    run_coroutine([]() -> asio::awaitable<void> {
        command cmd = cat().no_new_privileges();
        BOOST_TEST(!cmd.changes_identity());
        auto status = co_await status_of_child(cmd);
        BOOST_TEST(status["NoNewPrivs"] == "1");
        if (!may_change_identity())
            co_return;
        cmd.credentials(credentials::user("nobody")).capabilities(capabilities("kill"));
        status = co_await status_of_child(cmd);
        BOOST_TEST(status["NoNewPrivs"] == "1");
        check_sets(status, 1U << CAP_KILL);
    });
    BOOST_TEST(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
}

BOOST_AUTO_TEST_CASE(secure_bits_are_set_even_those_that_forbid_what_was_done_before)
{
    if (!may_change_identity() || !has_setpcap())
        return;
    run_coroutine([]() -> asio::awaitable<void> {
        unsigned const bits = SECBIT_NOROOT | SECBIT_NO_CAP_AMBIENT_RAISE |
                              SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_NO_SETUID_FIXUP;
        command cmd = puppet("securebits");
        cmd.securebits(bits).capabilities(capabilities("kill"));
        cmd.credentials(credentials::user("root"));
        execasio::run_result const result = co_await execasio::run(cmd);
        BOOST_TEST(result.output.text == std::to_string(bits) + "\n");
        command other = cat().securebits(bits).capabilities(capabilities("kill"));
        other.credentials(credentials::user("nobody"));
        auto status = co_await status_of_child(other);
        check_sets(status, 1U << CAP_KILL);
    });
    BOOST_TEST(::prctl(PR_GET_SECUREBITS) == 0);
}

BOOST_AUTO_TEST_CASE(what_the_parent_does_not_hold_is_an_error_without_side_effects)
{
    std::string const file = "/tmp/execasio-test-" + std::to_string(::getpid());
    for (bool const dropped : {false, true}) {
        std::string const failure = failure_in_fork([&] {
            capabilities set("63");
            std::string subject = "'cap_63'";
            if (dropped) {
                if (::geteuid() == 0)
                    test::become(nobody, 0);
                set = capabilities("kill", "chown");
                subject = "'cap_chown,cap_kill'";
            }
            command cmd = cat().capabilities(set);
            cmd.output(stream::truncate(file));
            auto const failed = failure_of_launch(cmd);
            ensure(failed.where == stage::capabilities, failed.message);
            ensure(failed.why.value() == EPERM, failed.message);
            ensure(failed.message.find(subject) != std::string::npos, failed.message);
            ensure(!std::filesystem::exists(file), "the file was created");
        });
        BOOST_TEST(failure == "");
    }
}

BOOST_AUTO_TEST_CASE(without_rights_there_are_still_some_to_give_up)
{
    std::string const failure = failure_in_fork([] {
        if (::geteuid() == 0)
            test::become(nobody, 1U << CAP_KILL);
        auto const held = capabilities::held();
        auto status = status_of_child_here(cat().capabilities(held));
        ensure(status["CapAmb"] == hexadecimal(held.mask()), status["CapAmb"]);
        status = status_of_child_here(cat().capabilities(capabilities()));
        ensure(status["CapEff"] == hexadecimal(0), status["CapEff"]);
        if (status["CapBnd"] == hexadecimal(0))
            return; // nothing is left to be taken away
        auto failed = failure_of_launch(cat().bounding_set(capabilities()));
        ensure(failed.where == stage::capabilities && failed.why.value() == EPERM, failed.message);
        failed = failure_of_launch(cat().securebits(SECBIT_NOROOT));
        ensure(failed.where == stage::capabilities && failed.why.value() == EPERM, failed.message);
    });
    BOOST_TEST(failure == "");
}

/// Those that are inheritable go as well, and none of them opens a door on the way.
BOOST_AUTO_TEST_CASE(all_can_be_dropped)
{
    if (!may_change_identity())
        return;
    std::string hidden = "/tmp/execasio-test-XXXXXX"; // mode 0700
    BOOST_REQUIRE(::mkdtemp(hidden.data()));
    std::string const program = hidden + "/true";
    std::filesystem::copy_file("/bin/true", program);
    std::string const failure = failure_in_fork([&] {
        auto const mask = capabilities().add(CAP_DAC_OVERRIDE).add(CAP_NET_BIND_SERVICE).mask();
        test::become(nobody, mask);
        ensure(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0,
               "PR_CAP_AMBIENT_RAISE");
        status_fields kept = status_of_child_here(cat());
        ensure(kept["CapInh"] == hexadecimal(mask), "it should be in need of dropping");
        for (int const dumpable : {1, 0}) { // with a memory of its own, and without
            ensure(::prctl(PR_SET_DUMPABLE, dumpable) == 0, "PR_SET_DUMPABLE");
            for (bool const bounded : {false, true}) {
                command drops = cat().drop_capabilities();
                if (bounded)
                    drops.bounding_set(capabilities::from_mask(~std::uint64_t{0}));
                status_fields dropped = status_of_child_here(drops);
                for (char const* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
                    ensure(dropped[set] == hexadecimal(0), set);
            }
        }

        asio::io_context context;
        execasio::process p = execasio::spawn(context.get_executor(), command(program));
        p.async_wait([](auto, auto const&) {});
        context.run();
        auto const exec = failure_of_launch(command(program).drop_capabilities());
        ensure(exec.where == stage::exec && exec.why.value() == EACCES, exec.message);
        command enters("/bin/true");
        enters.directory(hidden).drop_capabilities();
        auto const directory = failure_of_launch(enters);
        ensure(directory.where == stage::directory && directory.why.value() == EACCES,
               directory.message);

        ensure(capabilities::held().mask() == mask, "this program's own are gone");
        ensure(::prctl(PR_SET_DUMPABLE, 1) == 0, "PR_SET_DUMPABLE");
        static_cast<void>(status_of_child_here(cat().drop_capabilities()));
        ensure(::prctl(PR_GET_DUMPABLE) == 1, "this program is not dumpable any more");
    });
    BOOST_TEST(failure == "");
    std::filesystem::remove_all(hidden);
}

BOOST_AUTO_TEST_SUITE_END()
