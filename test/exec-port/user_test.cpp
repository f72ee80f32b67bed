#include "../../tools/exec-port/user.hpp"

#include "support/forked.hpp"
#include "support/no_descriptors.hpp"

#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <variant>

#include <unistd.h>

using exec_port::user_id;
using exec_port::user_name;
using test::ensure;

BOOST_AUTO_TEST_SUITE(exec_port_user)

BOOST_AUTO_TEST_CASE(a_user_is_found_by_name)
{
    BOOST_TEST(user_id("root").value() == 0u);
    BOOST_TEST(user_name(0) == "root");
}

BOOST_AUTO_TEST_CASE(who_has_no_name_is_called_by_number)
{
    BOOST_TEST(!user_id("nobody-of-that-name"));
    BOOST_TEST(user_name(4294967290) == "4294967290");
}

/// Nobody is taken for unknown because the list of users cannot be read.
BOOST_AUTO_TEST_CASE(a_look_that_fails_is_an_error)
{
    BOOST_TEST(test::failure_in_fork([] {
                   ensure(user_id("daemon").has_value(), "daemon"); // loads what looks names up
                   test::no_descriptors const none(64);
                   try {
                       user_id("daemon");
                       ensure(false, "found");
                   } catch (boost::system::system_error const& e) {
                       ensure(e.code().value() == EMFILE, e.what());
                   }
                   ensure(user_name(1) == "1", user_name(1));
               }) == "");
}

BOOST_AUTO_TEST_CASE(the_owner_of_a_process_is_who_it_runs_as)
{
    auto const owner = exec_port::owner_of(::getpid());
    BOOST_REQUIRE(owner.has_value());
    BOOST_TEST(std::get<id_t>(owner->user()) == ::getuid());
    BOOST_TEST(!exec_port::owner_of(0));
}

BOOST_AUTO_TEST_SUITE_END()
