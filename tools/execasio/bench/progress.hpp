#pragma once

#include "bench/sample.hpp"
#include "bench/settings.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace execasio_tool::bench {

/// A line on the terminal that says how far it is; nothing anywhere else. Written between runs
/// only, and not after each of them: a terminal that draws takes CPU time from what is measured.
class progress {
public:
    progress(style s, std::size_t benchmarks);
    progress(progress const&) = delete;
    progress& operator=(progress const&) = delete;
    ~progress() { clear(); }

    void phase(std::size_t number, std::string const& name, std::string const& what);

    /// @param part Of the runs of this phase, 0 to 1, as far as is known.
    void step(measurement const& m, double part);

    void clear();

private:
    using clock = std::chrono::steady_clock;

    void draw(std::string const& text);

    bool on_;
    std::size_t benchmarks_;
    std::string head_;
    clock::time_point next_{};
    clock::time_point began_{};
};

} // namespace execasio_tool::bench
