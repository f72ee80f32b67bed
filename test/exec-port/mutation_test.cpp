#include "../../tools/exec-port/decode_request.hpp"
#include "etf.hpp"
#include "real_terms.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

using namespace exec_port;

namespace {

class mutator {
public:
    /// Half of the frames are real ones, the other half well-formed nonsense; then most of them
    /// are damaged.
    std::vector<char> frame()
    {
        auto bytes = below(2) ? real_frame() : real_terms::exact(made_up_frame());
        for (std::size_t changes = below(3); changes > 0; --changes)
            change(bytes);
        return std::vector<char>(bytes); // without spare capacity
    }

private:
    static constexpr std::size_t sample_count = std::size(real_terms::samples);

    std::size_t below(std::size_t limit) { return random_() % limit; }

    std::vector<char> real_frame()
    {
        for (;;) {
            auto const& sample = real_terms::samples[below(sample_count)];
            if (!sample.is_term())
                return real_terms::exact(sample.bytes());
        }
    }

    std::string made_up_frame()
    {
        static constexpr char const* commands[] = {"run",  "run",   "run",      "manage", "stop",
                                                   "kill", "stdin", "pty_opts", "winsz",  "debug"};
        std::string const name = etf::atom(commands[below(std::size(commands))]);
        std::string const instruction = below(2)
                                            ? etf::tuple({name, etf::text("x"), options()})
                                            : etf::tuple({name, made_up_term(0), made_up_term(0)});
        return etf::request(7, instruction);
    }

    std::string options()
    {
        static constexpr char const* names[] = {
            "stdin", "stdout", "stderr", "cd",  "env",   "kill",         "kill_timeout", "group",
            "user",  "nice",   "debug",  "pty", "winsz", "capabilities", "executable",   "foo"};
        std::string const name = etf::atom(names[below(std::size(names))]);
        switch (below(4)) {
        case 0: return etf::list({name});
        case 1: return etf::list({etf::tuple({name, made_up_term(0), made_up_term(0)})});
        default: return etf::list({etf::tuple({name, made_up_term(0)})});
        }
    }

    std::string made_up_term(int depth)
    {
        switch (depth < 4 ? below(6) : 5) {
        case 0: return etf::list({made_up_term(depth + 1), made_up_term(depth + 1)});
        case 1: return etf::tuple({made_up_term(depth + 1), made_up_term(depth + 1)});
        case 2: return etf::improper({made_up_term(depth + 1)}, made_up_term(depth + 1));
        case 3: return etf::text("A=b");
        default: return std::string(real_terms::samples[below(sample_count)].bytes().substr(1));
        }
    }

    char byte()
    {
        // Tags and extremes more often than chance has them.
        static constexpr std::string_view telling("\0\1\x7f\x80\xff"
                                                  "abnocFdsvwjklmhitMgXZqup\x83P",
                                                  31);
        return below(2) ? telling[below(telling.size())] : static_cast<char>(random_() & 0xff);
    }

    void change(std::vector<char>& bytes)
    {
        std::size_t const at = below(bytes.size() + 1);
        auto const place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        std::size_t const run = std::min(1 + below(8), bytes.size() - at);
        auto const end = place + static_cast<std::ptrdiff_t>(run);
        switch (below(10)) {
        case 0: bytes.erase(place, bytes.end()); break;
        case 1: bytes.erase(place, end); break;
        case 2: bytes.insert(place, byte()); break;
        case 3: {
            std::vector<char> const copy(place, end);
            bytes.insert(place, copy.begin(), copy.end());
            break;
        }
        case 4: std::generate(place, end, [&] { return byte(); }); break;
        default:
            if (place != bytes.end())
                *place = byte();
        }
    }

    std::minstd_rand random_{20'240'229}; // the same frames in every run
};

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
    mutator next;
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
