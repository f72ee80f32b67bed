#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace puppet {

/// The words that a puppet was started with: verbs, each followed by its arguments.
class script {
public:
    script(std::string program, std::vector<std::string> words)
        : program_(std::move(program)),
          words_(std::move(words))
    {
    }

    [[nodiscard]] std::string const& program() const { return program_; }

    [[nodiscard]] bool more() const { return at_ != words_.size(); }
    std::string next();
    long number();
    void skip_to_join();

private:
    std::string program_;
    std::vector<std::string> words_;
    std::size_t at_ = 0;
};

struct verb {
    char const* name;
    void (*act)(script& words);
};

std::span<verb const> output_verbs();
std::span<verb const> signal_verbs();
std::span<verb const> state_verbs();
std::span<verb const> family_verbs();
std::span<verb const> socket_verbs();

/// A line on standard output.
void say(std::string const& text);

/// With what errno means.
[[noreturn]] void die(std::string const& what);

} // namespace puppet
