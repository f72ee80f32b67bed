#include "../../tools/exec-port/encode.hpp"
#include "../../tools/exec-port/term.hpp"
#include "etf.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

using namespace exec_port;

namespace {

constexpr std::size_t usual_max = framing::packet_2().payload_max();

/// What is encoded, without the room for its length.
std::string payload_of(std::string const& encoded)
{
    return encoded.size() < framing::length_max ? "no room" : encoded.substr(framing::length_max);
}

std::string small_atom(std::string_view name)
{
    return 'w' + etf::big_endian(name.size(), 1) + std::string(name);
}

/// The payload of `{Id, Reply}`.
std::string reply(std::int64_t id, std::string const& term)
{
    return etf::request(id, term);
}

} // namespace

BOOST_AUTO_TEST_SUITE(exec_port_encode)

BOOST_AUTO_TEST_CASE(frame_length_is_big_endian)
{
    for (framing const frames : {framing::packet_2(), framing::packet_4()}) {
        char bytes[framing::length_max];
        char* const payload = bytes + sizeof bytes;
        char* const begin = frames.write_length(payload, 0x1234);
        BOOST_TEST(static_cast<std::size_t>(payload - begin) == frames.length_size());
        BOOST_TEST(payload[-2] == '\x12');
        BOOST_TEST(payload[-1] == '\x34');
        BOOST_TEST(frames.read_length(begin) == 0x1234U);
        BOOST_TEST(frames.read_length(frames.write_length(payload, frames.payload_max())) ==
                   frames.payload_max());
    }
}

BOOST_AUTO_TEST_CASE(ok_is_known_byte_by_byte)
{
    BOOST_TEST(payload_of(encode_ok(5)) == "\x83h\x02"
                                           "a\x05w\x02ok");
}

BOOST_AUTO_TEST_CASE(replies_have_their_shapes)
{
    BOOST_TEST(payload_of(encode_ok(1, 10)) ==
               reply(1, etf::tuple({small_atom("ok"), etf::number(10)})));
    BOOST_TEST(payload_of(encode_pid(2, 4711)) ==
               reply(2, etf::tuple({small_atom("pid"), etf::number(4711)})));
    BOOST_TEST(payload_of(encode_error(3, refusal::text("why not"))) ==
               reply(3, etf::tuple({small_atom("error"), etf::text("why not")})));
    BOOST_TEST(payload_of(encode_error(4, refusal::badarg())) ==
               reply(4, etf::tuple({small_atom("error"), small_atom("badarg")})));
    BOOST_TEST(payload_of(encode_error(5, refusal::text(""))) ==
               reply(5, etf::tuple({small_atom("error"), etf::nil()})));
    BOOST_TEST(
        payload_of(encode_exit_status(4711, 256)) ==
        reply(0, etf::tuple({small_atom("exit_status"), etf::number(4711), etf::number(256)})));
    BOOST_TEST(
        payload_of(encode_exit_status(4711, -1)) ==
        reply(0, etf::tuple({small_atom("exit_status"), etf::number(4711), etf::number(-1)})));
}

BOOST_AUTO_TEST_CASE(ids_go_back_as_they_came)
{
    using limits = std::numeric_limits<std::int64_t>;
    for (std::int64_t id :
         {INT64_C(0), INT64_C(1), INT64_C(255), INT64_C(256), INT64_C(-1), INT64_C(134217728),
          INT64_C(2147483647), INT64_C(-2147483648), INT64_C(2147483648), INT64_C(4294967303),
          INT64_C(-2147483649), limits::max(), limits::min()}) {
        auto const payload = payload_of(encode_ok(id));
        term_cursor elements(parse_term(payload).value());
        BOOST_TEST(elements.next().value().value() == id);
    }
}

BOOST_AUTO_TEST_CASE(long_texts_are_cut)
{
    auto const payload = payload_of(encode_error(1, refusal::text(std::string(70'000, 'x'))));
    BOOST_TEST(payload == reply(1, etf::tuple({small_atom("error"),
                                               etf::text(std::string(error_text_max, 'x'))})));
}

BOOST_AUTO_TEST_CASE(texts_are_bytes)
{
    auto const payload = payload_of(encode_error(1, refusal::text(std::string("\0\xff\xc3", 3))));
    BOOST_TEST(payload == reply(1, etf::tuple({small_atom("error"),
                                               etf::text(std::string("\0\xff\xc3", 3))})));
}

BOOST_AUTO_TEST_CASE(list_without_processes_is_nil)
{
    BOOST_TEST(payload_of(encode_pids(1, {}, usual_max)) == reply(1, etf::nil()));
}

BOOST_AUTO_TEST_CASE(processes_are_listed)
{
    int const pids[] = {7, 4711, 4194303};
    BOOST_TEST(payload_of(encode_pids(1, pids, usual_max)) ==
               reply(1, etf::list({etf::number(7), etf::number(4711), etf::number(4194303)})));
}

BOOST_AUTO_TEST_CASE(list_beyond_a_frame_is_an_error_and_not_shortened)
{
    std::vector<int> pids(13'103);
    std::iota(pids.begin(), pids.end(), 1000);
    std::int64_t const longest_id = std::numeric_limits<std::int64_t>::min();
    auto payload = payload_of(encode_pids(longest_id, pids, usual_max));
    BOOST_TEST(payload.size() <= usual_max);
    term_cursor reply_parts(parse_term(payload).value());
    reply_parts.next();
    BOOST_TEST(reply_parts.next().value().size() == pids.size());

    pids.resize(20'000, 1000);
    payload = payload_of(encode_pids(1, pids, framing::packet_4().payload_max()));
    BOOST_TEST(payload.size() > usual_max);
    BOOST_TEST(payload_of(encode_pids(1, pids, usual_max)) ==
               reply(1, etf::tuple({small_atom("error"),
                                    etf::text("list of 20000 processes does not fit a frame")})));
}

BOOST_AUTO_TEST_CASE(output_header_stands_in_front_of_its_data)
{
    for (int pid : {0, 200, 4711, -1, std::numeric_limits<int>::max()})
        for (std::size_t size : {std::size_t{1}, std::size_t{255}, output_data_max})
            for (output_stream stream : {output_stream::out, output_stream::err}) {
                std::string buffer(output_header_max, '#');
                buffer.append(size, 'd');
                std::size_t const header =
                    write_output_header(buffer.data() + output_header_max, stream, pid, size);
                BOOST_REQUIRE(header <= output_header_max);

                std::size_t const unused = output_header_max - header;
                BOOST_TEST(buffer.substr(0, unused) == std::string(unused, '#'));
                auto const name = stream == output_stream::out ? "stdout" : "stderr";
                BOOST_TEST(buffer.substr(unused) ==
                           reply(0, etf::tuple({small_atom(name), etf::number(pid),
                                                etf::binary(std::string(size, 'd'))})));
            }
}

BOOST_AUTO_TEST_CASE(longest_output_header_fills_its_room)
{
    char room[output_header_max];
    BOOST_TEST(write_output_header(room + output_header_max, output_stream::err, 4711, 1) ==
               output_header_max);
}

BOOST_AUTO_TEST_SUITE_END()
