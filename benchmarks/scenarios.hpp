#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace benchmark {

namespace asio = boost::asio;

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

// Each runs one scenario by the library's ordinary interface and returns what to report.

asio::awaitable<boost::json::object> spawn_wait(arguments const& args);
asio::awaitable<boost::json::object> spawn_rss(arguments const& args);
asio::awaitable<boost::json::object> idle_load(arguments const& args);
asio::awaitable<boost::json::object> many_idle(arguments const& args);
asio::awaitable<boost::json::object> capture(arguments const& args);
asio::awaitable<boost::json::object> echo_latency(arguments const& args);
asio::awaitable<boost::json::object> timeout_accuracy(arguments const& args);

} // namespace benchmark
