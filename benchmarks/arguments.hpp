#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace benchmark {

/// The arguments after the scenario's name.
class arguments {
public:
    explicit arguments(std::vector<std::string> words) : words_(std::move(words)) {}

    [[nodiscard]] long long number(std::size_t index) const
    {
        if (index >= words_.size())
            throw std::invalid_argument("argument " + std::to_string(index + 1) + " is missing");
        return std::stoll(words_[index]);
    }
    [[nodiscard]] long long number(std::size_t index, long long otherwise) const
    {
        return index < words_.size() ? number(index) : otherwise;
    }
    [[nodiscard]] std::string text(std::size_t index, std::string otherwise) const
    {
        return index < words_.size() ? words_[index] : std::move(otherwise);
    }

private:
    std::vector<std::string> words_;
};

} // namespace benchmark
