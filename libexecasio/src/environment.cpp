#include "environment.hpp"

#include <cstring>
#include <string_view>
#include <unordered_map>

#include <unistd.h>

namespace execasio::detail {
namespace {

std::string_view name_of(char const* entry) noexcept
{
    // From the second character: what begins with '=' is kept as one odd name.
    char const* const end = *entry ? std::strchr(entry + 1, '=') : nullptr;
    return end ? std::string_view(entry, static_cast<std::size_t>(end - entry)) : entry;
}

} // namespace

environment_block make_environment(command const& cmd,
                                   std::vector<command::variable> const& defaults)
{
    environment_block block;
    if (!cmd.clears_environment())
        for (char** entry = ::environ; entry && *entry; ++entry)
            block.list.push_back(*entry);
    block.owned.reserve(defaults.size() + cmd.variables().size()); // the list points into it
    std::unordered_map<std::string_view, std::size_t> position;
    if (!cmd.variables().empty() || !defaults.empty())
        for (std::size_t i = 0; i < block.list.size(); ++i)
            position.emplace(name_of(block.list[i]), i);
    auto const change = [&](std::string const& name, std::optional<std::string> const& value) {
        auto const found = position.find(name);
        if (!value) {
            if (found != position.end())
                block.list[found->second] = nullptr;
            return;
        }
        char* const entry = block.owned.emplace_back(name + '=' + *value).data();
        if (found != position.end()) {
            block.list[found->second] = entry;
        } else {
            position.emplace(std::string_view(entry, name.size()), block.list.size());
            block.list.push_back(entry);
        }
    };
    for (auto const* changes : {&defaults, &cmd.variables()})
        for (auto const& [name, value] : *changes)
            change(name, value);
    std::erase(block.list, nullptr);
    block.list.push_back(nullptr);
    return block;
}

char const* find_variable(char const* const* list, std::string const& name) noexcept
{
    for (; list && *list; ++list)
        if (std::strncmp(*list, name.c_str(), name.size()) == 0 && (*list)[name.size()] == '=')
            return *list + name.size() + 1;
    return nullptr;
}

} // namespace execasio::detail
