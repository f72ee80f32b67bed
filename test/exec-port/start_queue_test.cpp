#include "start_queue.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace asio = boost::asio;
using exec_port::start_queue;

namespace {

/// Starts that go on until they are told to end.
struct starts {
    asio::io_context context{1};
    start_queue queue{context.get_executor()};
    std::vector<std::string> begun;
    std::vector<std::function<void()>> ends;
    int cancelled = 0;

    bool add(std::string const& user, std::string const& name, std::size_t size = 0)
    {
        return queue.add(user, size,
                         [this, name](asio::cancellation_slot slot, std::function<void()> done) {
                             begun.push_back(name);
                             ends.push_back(done);
                             slot.assign([this, done](asio::cancellation_type) {
                                 ++cancelled;
                                 asio::post(context, done);
                             });
                         });
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(start_queueing)

BOOST_AUTO_TEST_CASE(a_user_who_holds_up_starts_holds_up_nobody_elses)
{
    starts s;
    for (std::size_t i = 0; i < 2 * start_queue::most_of_a_user; ++i)
        BOOST_TEST(s.add("slow", "slow"));
    BOOST_TEST(s.begun.size() == start_queue::most_of_a_user);
    BOOST_TEST(s.add("other", "other"));
    BOOST_TEST(s.begun.back() == "other");
    BOOST_TEST(s.queue.waiting() == start_queue::most_of_a_user);
}

BOOST_AUTO_TEST_CASE(any_number_may_be_through_at_once)
{
    starts s;
    for (std::size_t i = 0; i < start_queue::most_of_a_user; ++i)
        BOOST_TEST(s.add("one", "held"));
    int through = 0;
    for (std::size_t i = 0; i < start_queue::most_waiting_of_a_user; ++i)
        s.queue.add("one", 0, [&through](asio::cancellation_slot, std::function<void()> done) {
            std::array<volatile char, 4096> frame; // with many of these the stack would be full
            frame.front() = 0;
            ++through;
            done();
        });
    BOOST_TEST(through == 0);
    s.ends[0]();
    BOOST_TEST(through == static_cast<int>(start_queue::most_waiting_of_a_user));
}

BOOST_AUTO_TEST_CASE(the_next_in_turn_begins_when_one_is_through)
{
    starts s;
    for (std::size_t i = 0; i < start_queue::most_of_a_user + 2; ++i)
        s.add("one", std::to_string(i));
    s.ends[3]();
    BOOST_TEST(s.begun.back() == std::to_string(start_queue::most_of_a_user));
    s.ends[0]();
    BOOST_TEST(s.begun.back() == std::to_string(start_queue::most_of_a_user + 1));
    BOOST_TEST(s.queue.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(there_is_a_limit_to_all_and_to_those_that_wait)
{
    starts s;
    std::size_t const users = start_queue::most_under_way / start_queue::most_of_a_user + 1;
    for (std::size_t user = 0; user < users; ++user)
        for (std::size_t i = 0; i < start_queue::most_of_a_user; ++i)
            BOOST_TEST(s.add(std::to_string(user), "start"));
    BOOST_TEST(s.begun.size() == start_queue::most_under_way);
    while (s.queue.waiting() < start_queue::most_waiting_of_a_user)
        BOOST_REQUIRE(s.add("any", "start"));
    BOOST_TEST(s.add("any", "start")); // one of those that wait was another's
    for (std::size_t i = 1; i < start_queue::most_of_a_user; ++i)
        BOOST_TEST(s.add("any", "start"));
    BOOST_TEST(!s.add("any", "start"));
    for (std::size_t user = 0; s.queue.waiting() < start_queue::most_waiting; ++user)
        for (std::size_t i = 0; i < start_queue::most_waiting_of_a_user / 2; ++i)
            s.add("more" + std::to_string(user), "start");
    BOOST_TEST(!s.add("another", "start"));
    s.ends[0]();
    BOOST_TEST(s.add("another", "start"));
}

BOOST_AUTO_TEST_CASE(what_waits_for_one_user_is_no_reason_to_refuse_another)
{
    starts s;
    while (s.add("slow", "slow")) {
    }
    BOOST_TEST(s.add("other", "other"));
    BOOST_TEST(s.begun.back() == "other");
}

BOOST_AUTO_TEST_CASE(what_waits_for_a_user_takes_so_much_memory_and_no_more)
{
    starts s;
    for (std::size_t i = 0; i < start_queue::most_of_a_user; ++i)
        BOOST_TEST(s.add("big", "begun at once", start_queue::most_bytes_of_a_user));
    BOOST_TEST(s.add("big", "half", start_queue::most_bytes_of_a_user / 2));
    BOOST_TEST(!s.add("big", "too much", start_queue::most_bytes_of_a_user / 2 + 1));
    BOOST_TEST(s.add("big", "other half", start_queue::most_bytes_of_a_user / 2));
    BOOST_TEST(!s.add("big", "one more", 1));
    BOOST_TEST(s.add("other", "other", start_queue::most_bytes_of_a_user));
    s.ends[0]();
    BOOST_TEST(s.begun.back() == "half");
    BOOST_TEST(s.add("big", "again", 1));
}

BOOST_AUTO_TEST_CASE(one_may_be_through_at_once)
{
    asio::io_context context(1);
    start_queue queue(context.get_executor());
    int begun = 0;
    std::function<void()> first;
    for (std::size_t i = 0; i < start_queue::most_of_a_user; ++i)
        queue.add("one", 0,
                  [&](asio::cancellation_slot, std::function<void()> done) { first = done; });
    for (int i = 0; i < 100; ++i)
        queue.add("one", 0, [&](asio::cancellation_slot, std::function<void()> done) {
            ++begun;
            done();
        });
    BOOST_TEST(begun == 0);
    first();
    BOOST_TEST(begun == 100);
}

BOOST_AUTO_TEST_CASE(in_the_end_none_is_begun_any_more)
{
    starts s;
    for (std::size_t i = 0; i < start_queue::most_of_a_user + 5; ++i)
        s.add("one", "start");
    bool ended = false;
    asio::co_spawn(s.context, s.queue.end(), [&](std::exception_ptr failure) {
        BOOST_TEST(!failure);
        ended = true;
    });
    s.context.run();
    BOOST_TEST(ended);
    BOOST_TEST(s.cancelled == static_cast<int>(start_queue::most_of_a_user));
    BOOST_TEST(s.begun.size() == start_queue::most_of_a_user);
}

BOOST_AUTO_TEST_SUITE_END()
