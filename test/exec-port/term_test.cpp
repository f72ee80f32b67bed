#include "../../tools/exec-port/term.hpp"
#include "etf.hpp"
#include "real_terms.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using exec_port::parse_term;
using exec_port::term_cursor;
using exec_port::term_kind;
using real_terms::group;

namespace {

term_kind expected_kind(group what)
{
    switch (what) {
    case group::integer: return term_kind::integer;
    case group::big_integer: return term_kind::big_integer;
    case group::atom:
    case group::any_atom: return term_kind::atom;
    case group::real: return term_kind::real;
    case group::nil: return term_kind::nil;
    case group::string: return term_kind::string;
    case group::list:
    case group::improper: return term_kind::list;
    case group::binary: return term_kind::binary;
    case group::other: return term_kind::other;
    default: return term_kind::tuple;
    }
}

char type_of(std::string const& encoded)
{
    auto const t = parse_term(encoded);
    return t ? t->type() : '?';
}

/// A node name and the numbers behind it: the inside of pids, ports and references.
std::string at_node(char tag, std::size_t numbers)
{
    return etf::frame(tag + etf::atom("n@h") + std::string(numbers, '\1'));
}

std::string nested_lists(std::size_t depth)
{
    std::string inner = etf::nil();
    for (std::size_t i = 0; i < depth; ++i)
        inner = etf::list({inner});
    return etf::frame(inner);
}

} // namespace

BOOST_AUTO_TEST_SUITE(exec_port_term)

BOOST_AUTO_TEST_CASE(terms_of_a_real_vm_are_understood)
{
    for (auto const& sample : real_terms::samples) {
        BOOST_TEST_CONTEXT(sample.name)
        {
            auto const bytes = real_terms::exact(sample.bytes());
            auto const t = parse_term(real_terms::view(bytes));
            if (sample.what == group::malformed)
                continue; // as a request; most are fine as a term
            BOOST_REQUIRE(t.has_value());
            BOOST_TEST((t->kind() == expected_kind(sample.what)));
            if (sample.what == group::integer)
                BOOST_TEST(std::to_string(t->value()) == sample.name);
            if (sample.what == group::atom || sample.what == group::string ||
                sample.what == group::binary)
                BOOST_TEST(t->bytes() == sample.name);
            if (sample.what == group::list)
                BOOST_TEST(is_proper_list(*t));
            if (sample.what == group::improper)
                BOOST_TEST(!is_proper_list(*t));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_malformed)
{
    for (auto const& sample : real_terms::samples)
        for (std::size_t length = 0; length < sample.size; ++length) {
            auto const bytes = real_terms::exact(sample.bytes().substr(0, length));
            BOOST_TEST(!parse_term(real_terms::view(bytes)), sample.name << " cut to " << length);
        }
}

BOOST_AUTO_TEST_CASE(bytes_behind_the_term_are_malformed)
{
    for (auto const& sample : real_terms::samples)
        BOOST_TEST(!parse_term(std::string(sample.bytes()) + 'j'), sample.name);
}

BOOST_AUTO_TEST_CASE(version_is_required)
{
    BOOST_TEST(!parse_term(""));
    BOOST_TEST(!parse_term("j"));
    BOOST_TEST(!parse_term("\x82j"));
    BOOST_TEST(!parse_term("\x83"));
    BOOST_TEST(parse_term("\x83j").has_value());
}

BOOST_AUTO_TEST_CASE(tags_that_no_port_is_sent_are_malformed)
{
    std::string const known = "abnocFdsvwjklmhitMgXfYxerZqup";
    for (int tag = 0; tag < 256; ++tag)
        if (known.find(static_cast<char>(tag)) == known.npos)
            BOOST_TEST(!parse_term(etf::frame(static_cast<char>(tag) + std::string(64, '\0'))));
}

BOOST_AUTO_TEST_CASE(terms_of_other_vms_are_well_formed)
{
    // Old and new forms that OTP 25 itself does not send.
    BOOST_TEST(type_of(at_node('g', 9)) == 'g');
    BOOST_TEST(type_of(at_node('X', 12)) == 'g');
    BOOST_TEST(type_of(at_node('f', 5)) == 'f');
    BOOST_TEST(type_of(at_node('Y', 8)) == 'f');
    BOOST_TEST(type_of(at_node('x', 12)) == 'f');
    BOOST_TEST(type_of(at_node('e', 5)) == 'r');
    std::string const three_words = etf::big_endian(3, 2) + etf::atom("n@h");
    BOOST_TEST(type_of(etf::frame('r' + three_words + std::string(13, '\1'))) == 'r');
    BOOST_TEST(type_of(etf::frame('Z' + three_words + std::string(16, '\1'))) == 'r');
    BOOST_TEST(type_of(etf::frame("s\x03run")) == 'd');
    BOOST_TEST(type_of(etf::frame('c' + std::string(31, '1'))) == 'c');

    std::string const pid = at_node('g', 9).substr(1);
    std::string const old_fun =
        'u' + etf::big_endian(1, 4) + pid + etf::atom("m") + etf::number(0) + etf::number(9) + "j";
    BOOST_TEST(type_of(etf::frame(old_fun)) == 'u');
    BOOST_TEST(!parse_term(etf::frame(old_fun.substr(0, old_fun.size() - 1))));
}

BOOST_AUTO_TEST_CASE(fun_smaller_than_its_size_field_is_malformed)
{
    for (unsigned size = 0; size < 4; ++size)
        BOOST_TEST(!parse_term(etf::frame('p' + etf::big_endian(size, 4) + std::string(32, '\0'))));
    BOOST_TEST(parse_term(etf::frame('p' + etf::big_endian(4, 4))).has_value());
}

BOOST_AUTO_TEST_CASE(counts_beyond_the_frame_are_malformed)
{
    for (char tag : {'l', 'i', 't', 'm', 'M', 'o', 'u', 'p'})
        for (std::uint64_t count : {0xffffffffU, 0x80000000U, 0x7fffffffU, 65536U, 41U})
            BOOST_TEST(
                !parse_term(etf::frame(tag + etf::big_endian(count, 4) + std::string(40, 'j'))),
                tag << " with " << count);
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded_by_what_a_frame_of_64_KiB_can_hold)
{
    BOOST_TEST(parse_term(nested_lists(exec_port::term_depth_max)).has_value());
    BOOST_TEST(!parse_term(nested_lists(exec_port::term_depth_max + 1)));

    // As deep as such a frame can be: 2 bytes for each level of a tuple.
    constexpr std::size_t room = 65'535 - 2; // but for the version byte and the innermost term
    std::string deep;
    while (deep.size() + 2 <= room)
        deep += "h\x01";
    BOOST_TEST(parse_term(etf::frame(deep + 'j')).has_value());
    BOOST_TEST(!parse_term(etf::frame(deep)));
}

BOOST_AUTO_TEST_CASE(what_follows_a_nested_term_is_checked_at_any_depth)
{
    for (std::size_t depth : {1U, 31U, 32U, 33U, 1000U}) {
        std::string pairs;
        for (std::size_t i = 0; i < depth; ++i)
            pairs += "h\x02";
        std::string const rest(depth + 1, 'j');
        BOOST_TEST(parse_term(etf::frame(pairs + rest)).has_value(), depth);
        BOOST_TEST(!parse_term(etf::frame(pairs + rest.substr(1))), depth);
        BOOST_TEST(!parse_term(etf::frame(pairs + rest + 'j')), depth);
    }
}

BOOST_AUTO_TEST_CASE(integers_have_64_bits)
{
    using limits = std::numeric_limits<std::int64_t>;
    for (std::int64_t value : {limits::min(), limits::min() + 1, limits::max(), INT64_C(-1) << 32,
                               INT64_C(0), INT64_C(1) << 32, INT64_C(-2147483649)}) {
        auto const encoded = etf::frame(etf::number(value));
        BOOST_TEST(parse_term(encoded).value().value() == value);
    }
    // Digits that change nothing, and those that do.
    auto const padded = etf::frame(std::string("n\x0a\x01\x05", 4) + std::string(9, '\0'));
    BOOST_TEST(parse_term(padded).value().value() == -5);
    auto const large = etf::frame('o' + etf::big_endian(2, 4) + std::string("\0\x34\x12", 3));
    BOOST_TEST(parse_term(large).value().value() == 0x1234);
    auto const nothing = etf::frame(std::string("n\0\0", 3));
    BOOST_TEST(parse_term(nothing).value().value() == 0);
    auto const ninth = etf::frame(std::string("n\x09\0", 3) + std::string(8, '\0') + '\1');
    BOOST_TEST((parse_term(ninth).value().kind() == term_kind::big_integer));
}

BOOST_AUTO_TEST_CASE(elements_come_in_order_and_then_the_tail)
{
    auto const bytes = etf::frame(etf::improper(
        {etf::number(1), etf::list({etf::number(8), etf::number(9)}), etf::atom("c")}, "a\x07"));
    term_cursor cursor(parse_term(bytes).value());
    BOOST_TEST(cursor.next().value().value() == 1);
    BOOST_TEST(cursor.next().value().type() == 'l');
    BOOST_TEST(cursor.next().value().is_atom("c"));
    BOOST_TEST(!cursor.next());
    BOOST_TEST(cursor.tail().value().value() == 7);
}

BOOST_AUTO_TEST_CASE(all_forms_of_a_string_are_text)
{
    auto const text_of = [](std::string const& encoded) {
        auto const bytes = etf::frame(encoded);
        return to_text(parse_term(bytes).value()).value_or("none");
    };
    BOOST_TEST(text_of(etf::text("abc")) == "abc");
    BOOST_TEST(text_of(etf::binary("abc")) == "abc");
    BOOST_TEST(text_of(etf::nil()) == "");
    BOOST_TEST(text_of(etf::binary("")) == "");
    BOOST_TEST(text_of(etf::list({etf::number('a'), etf::number(255)})) == "a\xff");
    BOOST_TEST(text_of(etf::list({etf::number('a'), etf::number(256)})) == "none");
    BOOST_TEST(text_of(etf::list({etf::number(-1)})) == "none");
    BOOST_TEST(text_of(etf::list({etf::text("a")})) == "none");
    BOOST_TEST(text_of(etf::improper({etf::number('a')}, etf::number('b'))) == "none");
    BOOST_TEST(text_of(etf::atom("abc")) == "none");
    BOOST_TEST(text_of(etf::number(5)) == "none");
}

BOOST_AUTO_TEST_SUITE_END()
