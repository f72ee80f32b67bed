#include "../../tools/exec-port/policy.hpp"

#include "support/scratch_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

using exec_port::policy;

namespace {

constexpr std::uint64_t net_bind_service = std::uint64_t{1} << 10;
constexpr std::uint64_t kill_capability = std::uint64_t{1} << 5;

std::string complaint_of(std::string const& text)
{
    try {
        policy::parse(text, "the policy");
    } catch (policy::error const& e) {
        return e.what();
    }
    return "none";
}

std::string complaint_of_file(std::string const& path)
{
    try {
        policy::read(path);
    } catch (policy::error const& e) {
        return e.what();
    }
    return "none";
}

struct policy_directory : test::scratch_directory {
    [[nodiscard]] std::string file() const { return test::scratch_directory::file("policy"); }
    [[nodiscard]] std::string path() const { return test::scratch_directory::file(""); }
    void write(std::string const& text) const
    {
        std::ofstream(file()) << text;
        BOOST_REQUIRE(::chmod(file().c_str(), 0644) == 0);
    }
};

bool has(std::string const& text, std::string const& part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(exec_port_policy)

BOOST_AUTO_TEST_CASE(what_no_rule_allows_is_refused)
{
    policy const p = policy::parse("", "");
    BOOST_TEST(!p.knows(1000));
    BOOST_TEST(!p.allows(1000, 1000));
    BOOST_TEST(p.capabilities(1000, 1000) == 0U);
}

BOOST_AUTO_TEST_CASE(rules_add_up)
{
    policy const p = policy::parse("# who may do what\n"
                                   "\n"
                                   "allow 1000 as 2000 nobody\n"
                                   "allow 1000 as 2000 with net_bind_service # and so on\n"
                                   "\tallow  1001\tas 0 with cap_kill net_bind_service",
                                   "");
    BOOST_TEST(p.allows(1000, 2000));
    BOOST_TEST(p.allows(1000, 65534));
    BOOST_TEST(!p.allows(1000, 0));
    BOOST_TEST(!p.allows(2000, 1000));
    BOOST_TEST(p.capabilities(1000, 2000) == net_bind_service);
    BOOST_TEST(p.capabilities(1000, 65534) == 0U);
    BOOST_TEST(p.allows(1001, 0));
    BOOST_TEST(p.capabilities(1001, 0) == (net_bind_service | kill_capability));
    BOOST_TEST(p.capabilities(1001, 2000) == 0U);
    BOOST_TEST(p.knows(1001));
    BOOST_TEST(!p.knows(0));
    BOOST_TEST(p.users_for(1000) == (std::vector<uid_t>{2000, 65534}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_capabilities_can_be_allowed)
{
    policy const p = policy::parse("allow root as nobody with all", "");
    BOOST_TEST(p.capabilities(0, 65534) == ~std::uint64_t{0});
}

BOOST_AUTO_TEST_CASE(a_mistake_is_named_with_its_line)
{
    BOOST_TEST(has(complaint_of("\nalow 1 as 2"), "the policy, line 2: expected allow"));
    BOOST_TEST(has(complaint_of("allow"), "line 1: expected allow"));
    BOOST_TEST(has(complaint_of("allow 1"), "expected allow"));
    BOOST_TEST(has(complaint_of("allow 1 for 2"), "expected allow"));
    BOOST_TEST(has(complaint_of("allow 1 as"), "nothing comes after 'as'"));
    BOOST_TEST(has(complaint_of("allow 1 as with kill"), "nothing comes after"));
    BOOST_TEST(has(complaint_of("allow 1 as 2 with"), "nothing comes after 'with'"));
    BOOST_TEST(has(complaint_of("allow 1 as 2 with fly"), "there is no capability 'fly'"));
    BOOST_TEST(has(complaint_of("allow 1 as nobody-of-that-name"),
                   "there is no user 'nobody-of-that-name'"));
    BOOST_TEST(has(complaint_of("allow -1 as 2"), "there is no user '-1'"));
    BOOST_TEST(has(complaint_of("allow 4294967296 as 2"), "there is no user"));
    using namespace std::string_literals; // what the system reads might end there
    BOOST_TEST(has(complaint_of("allow 1 as 2\nallow 3\0 as 4"s), "the policy: a NUL in line 2"));
}

BOOST_AUTO_TEST_CASE(a_file_has_to_be_there)
{
    BOOST_TEST(has(complaint_of_file("/nowhere/policy"), "/nowhere/: No such file"));
    policy_directory const scratch;
    BOOST_TEST(has(complaint_of_file(scratch.file()),
                   ::geteuid() == 0 ? "No such file" : "must belong to root"));
}

BOOST_AUTO_TEST_CASE(only_roots_own_file_counts)
{
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("skipped: only root can make a file of root's");
        return;
    }
    policy_directory const scratch;
    scratch.write("allow 1000 as nobody\n");
    BOOST_TEST(complaint_of_file(scratch.file()) == "none");
    BOOST_TEST(policy::read(scratch.file()).allows(1000, 65534));

    for (mode_t const mode : {0664U, 0646U, 0666U}) {
        BOOST_REQUIRE(::chmod(scratch.file().c_str(), mode) == 0);
        BOOST_TEST(has(complaint_of_file(scratch.file()), "may be written by others"));
    }
    BOOST_REQUIRE(::chmod(scratch.file().c_str(), 0644) == 0);
    BOOST_REQUIRE(::chown(scratch.file().c_str(), 65534, 0) == 0);
    BOOST_TEST(has(complaint_of_file(scratch.file()), "belongs to user 65534"));
    BOOST_REQUIRE(::chown(scratch.file().c_str(), 0, 0) == 0);

    // Whoever may write the directory can put another file in its place.
    BOOST_REQUIRE(::chmod(scratch.path().c_str(), 0777) == 0);
    BOOST_TEST(has(complaint_of_file(scratch.file()), "may be written by others"));
    BOOST_REQUIRE(::chmod(scratch.path().c_str(), 0700) == 0);
    BOOST_TEST(complaint_of_file(scratch.file()) == "none");
}

BOOST_AUTO_TEST_CASE(a_link_or_a_fifo_is_no_policy)
{
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("skipped: only root can make a file of root's");
        return;
    }
    policy_directory const scratch;
    BOOST_REQUIRE(::symlink("/etc/passwd", scratch.file().c_str()) == 0);
    BOOST_TEST(has(complaint_of_file(scratch.file()), "symbolic links"));
    BOOST_REQUIRE(::unlink(scratch.file().c_str()) == 0);
    BOOST_REQUIRE(::mkfifo(scratch.file().c_str(), 0600) == 0);
    BOOST_TEST(has(complaint_of_file(scratch.file()), "is not a plain file"));
}

BOOST_AUTO_TEST_SUITE_END()
