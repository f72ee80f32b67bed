#include "../../tools/exec-port/decode_request.hpp"
#include "mutator.hpp"
#include "real_terms.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

using namespace exec_port;

namespace {

std::size_t memory_of(std::string const& s)
{
    return sizeof s + s.capacity();
}

std::size_t memory_of(environment_changes const& env)
{
    std::size_t sum = 0;
    for (auto const& change : env.changes)
        sum += sizeof change + memory_of(change.name) + change.value.value_or("").size();
    return sum;
}

std::size_t memory_of(std::vector<std::string> const& words)
{
    std::size_t sum = 0;
    for (auto const& word : words)
        sum += memory_of(word);
    return sum;
}

std::size_t memory_of(std::vector<pty_setting> const& settings)
{
    std::size_t sum = 0;
    for (auto const& setting : settings)
        sum += sizeof setting + memory_of(setting.name);
    return sum;
}

template <class T>
std::size_t memory_of(std::optional<T> const& value)
{
    return value ? memory_of(*value) : 0;
}

std::size_t memory_of(run_options const& o)
{
    std::size_t sum = memory_of(o.cd) + memory_of(o.env) + memory_of(o.executable) +
                      memory_of(o.kill) + memory_of(o.user) + memory_of(o.pty);
    for (auto const& stream : o.streams)
        sum += memory_of(stream.path);
    return sum;
}

/// What a decoded request keeps, to within a constant.
struct memory_of_request {
    std::size_t operator()(run_request const& r) const
    {
        return memory_of(r.options) +
               std::visit([](auto const& c) { return memory_of(c); }, r.command);
    }
    std::size_t operator()(manage_request const& r) const { return memory_of(r.options); }
    std::size_t operator()(stdin_request const& r) const { return memory_of(r.data); }
    std::size_t operator()(pty_opts_request const& r) const { return memory_of(r.settings); }
    std::size_t operator()(refusal const& r) const { return memory_of(r.reason()); }
    template <class Small>
    std::size_t operator()(Small const&) const
    {
        return 0;
    }
};

std::size_t memory_of(request const& r)
{
    return std::visit(memory_of_request(), r.body);
}

} // namespace

BOOST_AUTO_TEST_SUITE(exec_port_mutation)

BOOST_AUTO_TEST_CASE(no_frame_does_harm)
{
    test::mutator next(20'240'229);
    std::size_t refused = 0;
    std::size_t accepted = 0;
    for (int i = 0; i < 200'000; ++i) {
        auto const frame = next.frame();
        auto const r = decode_request(real_terms::view(frame));
        if (!r)
            continue;
        ++(std::holds_alternative<refusal>(r->body) ? refused : accepted);
        if (memory_of(*r) > 1000 + 64 * frame.size())
            BOOST_ERROR("frame " << i << " took " << memory_of(*r) << " bytes");
    }
    // Else the frames are too broken, or not broken enough, to test anything.
    BOOST_TEST_MESSAGE("refused: " << refused << ", accepted: " << accepted);
    BOOST_TEST(refused > 20'000U);
    BOOST_TEST(accepted > 10'000U);
}

BOOST_AUTO_TEST_CASE(largest_frames_stay_within_a_multiple_of_their_size)
{
    // One byte for each argument is the densest that a frame can be.
    std::string frame("\x83h\x02"
                      "a\1h\3d\0\3runl",
                      14);
    constexpr std::size_t arguments = 65'000;
    frame += std::string("\0\0\xfd\xe9", 4) + std::string("k\0\1x", 4);
    frame += std::string(arguments, 'j') + "jj";
    auto const r = decode_request(frame);
    BOOST_REQUIRE(r.has_value());
    auto const& words = std::get<std::vector<std::string>>(std::get<run_request>(r->body).command);
    BOOST_TEST(words.size() == arguments + 1);
    BOOST_TEST(memory_of(*r) < 64 * frame.size());
}

BOOST_AUTO_TEST_SUITE_END()
