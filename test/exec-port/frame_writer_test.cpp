#include "frame_writer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace asio = boost::asio;
using exec_port::frame_writer;
using exec_port::framing;
using exec_port::output_block;
using exec_port::output_stream;

namespace {

constexpr std::size_t full_event = output_block::data_size;

/// A writer and what the VM would have at its other end.
struct vm {
    vm()
    {
        ::signal(SIGPIPE, SIG_IGN); // as the port does
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        writer.emplace(context.get_executor(), ends[1], framing::packet_2(),
                       [this] { failed = true; });
    }
    vm(vm const&) = delete;
    vm& operator=(vm const&) = delete;
    ~vm() { close(); }

    void send(std::size_t size = full_event)
    {
        output_block block = writer->take_block();
        std::memset(block.data(), 'x', size);
        writer->send_output(std::move(block), output_stream::out, 1000, size);
    }

    /// Sends for as long as there is room. The pipe takes what it holds of it.
    void fill()
    {
        while (writer->has_room()) {
            send();
            turn();
        }
    }

    /// Lets everybody act, until nobody can.
    void turn()
    {
        context.poll();
        context.restart();
    }

    std::size_t read(std::size_t max)
    {
        std::string buffer(max, '\0');
        ssize_t const size = ::read(ends[0], buffer.data(), buffer.size());
        return size > 0 ? static_cast<std::size_t>(size) : 0;
    }

    [[nodiscard]] int capacity() const { return ::fcntl(ends[0], F_GETPIPE_SZ); }

    /// Not where this user's pipes have all the memory that they may (pipe(7)).
    [[nodiscard]] bool can_grow_to(int size) const
    {
        bool const can = ::fcntl(ends[0], F_SETPIPE_SZ, size) == size;
        if (!can)
            BOOST_TEST_MESSAGE("skipped: a pipe of this user may not hold " << size << " bytes");
        return can;
    }

    void close()
    {
        if (ends[0] >= 0)
            ::close(ends[0]);
        ends[0] = -1;
    }

    int ends[2] = {-1, -1};
    asio::io_context context{1};
    std::optional<frame_writer> writer; // owns its end
    bool failed = false;
};

/// Waits for its turn, sends if it has something to send, and says that it was there.
asio::awaitable<void> take_turn(frame_writer& writer, std::size_t size, int name,
                                std::vector<int>& order)
{
    auto const turn = co_await writer.wait_for_turn();
    order.push_back(name);
    if (size == 0)
        co_return;
    output_block block = writer.take_block();
    std::memset(block.data(), 'x', size);
    writer.send_output(std::move(block), output_stream::out, 1000, size);
}

void start_waiters(vm& v, int count, std::size_t size, std::vector<int>& order)
{
    for (int i = 0; i < count; ++i)
        asio::co_spawn(v.context, take_turn(*v.writer, size, i, order),
                       [](std::exception_ptr e) { BOOST_TEST(!e); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(writing_frames)

BOOST_AUTO_TEST_CASE(turns_come_in_order_and_no_faster_than_the_vm_reads)
{
    vm v;
    v.fill();
    BOOST_TEST(v.writer->is_busy());
    std::vector<int> order;
    start_waiters(v, 100, full_event, order);
    v.turn();
    BOOST_TEST(order.empty());
    std::size_t most = 0;
    while (v.read(30'000) != 0) {
        std::size_t const before = order.size();
        v.turn();
        BOOST_TEST(order.size() <= before + 1);
        most = std::max(most, v.writer->queued());
    }
    BOOST_TEST(most < frame_writer::high_water + full_event + 100); // and a header
    BOOST_REQUIRE(order.size() == 100u);
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(order[static_cast<std::size_t>(i)] == i);
    BOOST_TEST(!v.writer->is_busy());
    BOOST_TEST(v.writer->queued() == 0u);
}

BOOST_AUTO_TEST_CASE(a_turn_that_is_not_used_is_passed_on)
{
    vm v;
    v.fill();
    std::vector<int> order;
    start_waiters(v, 50, 0, order);
    v.turn();
    BOOST_TEST(order.empty());
    while (!v.writer->has_room()) {
        v.read(30'000);
        v.turn();
    }
    BOOST_TEST(order.size() == 50u);
}

BOOST_AUTO_TEST_CASE(who_comes_while_others_wait_has_to_wait_too)
{
    vm v;
    v.fill();
    std::vector<int> order;
    start_waiters(v, 50, full_event, order);
    v.turn();
    while (v.writer->queued() >= frame_writer::high_water / 2) {
        bool const others_wait = order.size() < 50;
        BOOST_TEST((!others_wait || v.writer->is_busy()));
        v.read(30'000);
        v.turn();
    }
    BOOST_TEST(order.size() == 50u);
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_a_vm_that_is_gone)
{
    vm v;
    v.fill();
    std::vector<int> order;
    start_waiters(v, 20, full_event, order);
    v.turn();
    v.close();
    v.turn();
    BOOST_TEST(v.failed);
    BOOST_TEST(order.size() == 20u);
    BOOST_TEST(v.writer->queued() == 0u);
}

BOOST_AUTO_TEST_CASE(who_still_waits_goes_with_the_context)
{
    std::vector<int> order;
    for (bool const writer_first : {false, true}) {
        vm v;
        v.fill();
        start_waiters(v, 5, full_event, order);
        v.turn();
        if (writer_first)
            v.writer.reset();
    }
    {
        vm v;
        v.fill();
        start_waiters(v, 5, full_event, order);
        v.turn();
        v.close();
        v.context.poll_one(); // one is called, and not there yet
    }
    BOOST_TEST(order.size() <= 5u);
}

BOOST_AUTO_TEST_CASE(the_pipe_grows_when_it_is_full)
{
    vm v;
    int const before = v.capacity();
    if (before >= 256 * 1024) { // where pages have 64 KiB
        BOOST_TEST_MESSAGE("skipped: a pipe is that large here");
        return;
    }
    if (!v.can_grow_to(256 * 1024) || ::fcntl(v.ends[0], F_SETPIPE_SZ, before) != before)
        return;
    v.send(100);
    v.turn();
    BOOST_TEST(v.capacity() == before);
    v.fill();
    BOOST_TEST(v.capacity() == 256 * 1024);
}

BOOST_AUTO_TEST_CASE(a_pipe_that_is_larger_is_left_alone)
{
    vm v;
    if (!v.can_grow_to(1024 * 1024))
        return;
    v.fill();
    BOOST_TEST(v.capacity() == 1024 * 1024);
}

BOOST_AUTO_TEST_SUITE_END()
