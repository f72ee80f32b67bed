#include "reply_order.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <string>

namespace asio = boost::asio;
using exec_port::reply_order;

namespace {

/// Replies that are letters.
struct replies {
    asio::io_context context{1};
    reply_order order{context.get_executor()};
    std::string sent;

    reply_order::sender letter(char c)
    {
        return [this, c] { sent += c; };
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(reply_ordering)

BOOST_AUTO_TEST_CASE(a_reply_that_nothing_waits_for_is_sent_at_once)
{
    replies r;
    r.order.add(1, r.letter('a'));
    r.order.add(1, r.letter('b'));
    BOOST_TEST(r.sent == "ab");
    BOOST_TEST(r.order.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(replies_wait_for_those_before_them)
{
    replies r;
    auto const first = r.order.reserve();
    r.order.add(1, r.letter('b'));
    auto const third = r.order.reserve();
    r.order.add(1, r.letter('d'));
    r.order.fill(third, 1, r.letter('c'));
    BOOST_TEST(r.sent == "");
    BOOST_TEST(r.order.waiting() == 4u);
    r.order.fill(first, 1, r.letter('a'));
    BOOST_TEST(r.sent == "abcd");
    r.order.add(1, r.letter('e'));
    BOOST_TEST(r.sent == "abcde");
}

BOOST_AUTO_TEST_CASE(what_is_sent_may_make_another_known)
{
    replies r;
    auto const first = r.order.reserve();
    auto const second = r.order.reserve();
    r.order.add(1, r.letter('c'));
    r.order.fill(first, 1, [&] {
        r.sent += 'a';
        r.order.fill(second, 1, r.letter('b'));
    });
    BOOST_TEST(r.sent == "abc");
}

BOOST_AUTO_TEST_CASE(requests_wait_when_too_much_waits)
{
    replies r;
    auto const first = r.order.reserve();
    BOOST_TEST(r.order.has_room());
    r.order.add(reply_order::high_water, r.letter('b'));
    BOOST_TEST(!r.order.has_room());
    bool through = false;
    asio::co_spawn(r.context, r.order.wait_for_room(),
                   [&through](std::exception_ptr) { through = true; });
    r.context.poll();
    BOOST_TEST(!through);
    r.order.fill(first, 1, r.letter('a'));
    r.context.restart();
    r.context.poll();
    BOOST_TEST(through);
    BOOST_TEST(r.sent == "ab");
}

BOOST_AUTO_TEST_SUITE_END()
