#include "frame_reader.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace asio = boost::asio;
using exec_port::frame_reader;
using exec_port::framing;

namespace {

std::string frame_of(std::string const& payload, framing how = framing::packet_2())
{
    std::string room(framing::length_max, '\0');
    room += payload;
    char const* const begin = how.write_length(room.data() + framing::length_max, payload.size());
    return room.substr(static_cast<std::size_t>(begin - room.data()));
}

asio::awaitable<void> read_all(frame_reader& reader, std::vector<std::string>& frames)
{
    for (;;) {
        auto const frame = co_await reader.next();
        if (!frame)
            co_return;
        frames.emplace_back(*frame);
    }
}

/// A reader, what the VM would write to, and all frames that came.
struct sender {
    explicit sender(framing how = framing::packet_2())
    {
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        reader.emplace(context.get_executor(), ends[0], how);
        asio::co_spawn(context, read_all(*reader, frames), [this](std::exception_ptr e) {
            ended = true;
            failed = e != nullptr;
        });
        turn();
    }
    sender(sender const&) = delete;
    sender& operator=(sender const&) = delete;
    ~sender() { close(); }

    /// Lets the reader act, until it cannot.
    void turn()
    {
        context.poll();
        context.restart();
    }

    /// In pieces that the pipe has room for.
    void write(std::string_view data, std::size_t piece = 4096)
    {
        while (!data.empty()) {
            std::size_t const size = std::min(piece, data.size());
            BOOST_REQUIRE(::write(ends[1], data.data(), size) == static_cast<ssize_t>(size));
            data.remove_prefix(size);
            turn();
        }
    }

    void close()
    {
        if (ends[1] >= 0)
            ::close(ends[1]);
        ends[1] = -1;
    }

    int ends[2] = {-1, -1};
    asio::io_context context{1};
    std::optional<frame_reader> reader; // owns its end
    std::vector<std::string> frames;
    bool ended = false;
    bool failed = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(frame_reader_takes)

BOOST_AUTO_TEST_CASE(frames_that_come_byte_by_byte)
{
    sender vm;
    vm.write(frame_of("one") + frame_of("") + frame_of("three"), 1);
    BOOST_TEST(vm.frames == (std::vector<std::string>{"one", "", "three"}));
    BOOST_TEST(!vm.ended);
}

BOOST_AUTO_TEST_CASE(many_frames_in_one_piece)
{
    sender vm;
    std::string all;
    for (int i = 0; i < 500; ++i)
        all += frame_of(std::to_string(i));
    vm.write(all, all.size());
    BOOST_REQUIRE(vm.frames.size() == 500u);
    BOOST_TEST(vm.frames.front() == "0");
    BOOST_TEST(vm.frames.back() == "499");
}

// Each time the pipe was emptied: whoever then only waits must be told of what comes later.
BOOST_AUTO_TEST_CASE(a_frame_after_each_that_was_waited_for)
{
    sender vm;
    for (int i = 0; i < 100; ++i) {
        vm.write(frame_of(std::to_string(i)));
        BOOST_REQUIRE(vm.frames.size() == static_cast<std::size_t>(i + 1));
    }
}

BOOST_AUTO_TEST_CASE(the_largest_frame_and_the_one_behind_it)
{
    sender vm;
    std::string const large(framing::packet_2().payload_max(), 'x');
    vm.write(frame_of(large) + frame_of("next"));
    BOOST_REQUIRE(vm.frames.size() == 2u);
    BOOST_TEST((vm.frames[0] == large));
    BOOST_TEST(vm.frames[1] == "next");
}

BOOST_AUTO_TEST_CASE(a_frame_larger_than_its_buffer)
{
    sender vm(framing::packet_4());
    std::string large(1 << 20, 'x');
    large.back() = 'y';
    vm.write(frame_of(large, framing::packet_4()) + frame_of("next", framing::packet_4()));
    BOOST_REQUIRE(vm.frames.size() == 2u);
    BOOST_TEST((vm.frames[0] == large));
    BOOST_TEST(vm.frames[1] == "next");
}

BOOST_AUTO_TEST_CASE(what_was_written_before_the_end)
{
    sender vm;
    BOOST_REQUIRE(::write(vm.ends[1], "\0\1x\0\2y", 6) == 6);
    vm.close();
    vm.turn();
    BOOST_TEST(vm.frames == (std::vector<std::string>{"x"}));
    BOOST_TEST(vm.ended); // the second was cut off
    BOOST_TEST(!vm.failed);
}

BOOST_AUTO_TEST_CASE(the_end_while_it_waits)
{
    sender vm;
    vm.write(frame_of("x"));
    BOOST_TEST(!vm.ended);
    vm.close();
    vm.turn();
    BOOST_TEST(vm.ended);
}

BOOST_AUTO_TEST_CASE(no_more_once_it_is_closed)
{
    sender vm;
    vm.write(frame_of("x"));
    vm.reader->close();
    vm.write(frame_of("y"));
    BOOST_TEST(vm.frames == (std::vector<std::string>{"x"}));
    BOOST_TEST(vm.ended);
}

BOOST_AUTO_TEST_CASE(no_frame_longer_than_any_may_be)
{
    sender vm(framing::packet_4());
    vm.write(std::string_view("\x7f\xff\xff\xff", 4));
    BOOST_TEST(vm.frames.empty());
    BOOST_TEST(vm.ended);
}

BOOST_AUTO_TEST_CASE(a_regular_file) // which epoll does not know
{
    std::FILE* const file = std::tmpfile();
    BOOST_REQUIRE(file != nullptr);
    std::string const content = frame_of("one") + frame_of("two");
    BOOST_REQUIRE(std::fwrite(content.data(), 1, content.size(), file) == content.size());
    std::rewind(file);
    int const fd = ::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 0);
    BOOST_REQUIRE(std::fclose(file) == 0);

    asio::io_context context{1};
    frame_reader reader(context.get_executor(), fd, framing::packet_2());
    std::vector<std::string> frames;
    asio::co_spawn(context, read_all(reader, frames), [](std::exception_ptr e) { BOOST_TEST(!e); });
    context.run();
    BOOST_TEST(frames == (std::vector<std::string>{"one", "two"}));
    ::close(fd); // not the reader's, which could not take it
}

BOOST_AUTO_TEST_SUITE_END()
