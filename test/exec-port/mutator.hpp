#pragma once

#include "etf.hpp"
#include "real_terms.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// Makes up frames for the port, the same ones for the same seed.
class mutator {
public:
    explicit mutator(unsigned seed) : random_(seed) {}

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

    std::minstd_rand random_;
};

} // namespace test
