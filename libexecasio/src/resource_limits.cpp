#include "execasio/resource_limits.hpp"

#include <algorithm>
#include <iterator>

namespace execasio {
namespace {

// In the order of the enumerators.
constexpr char const* names[] = {
    "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
    "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime",
};

} // namespace

char const* to_string(resource r) noexcept
{
    auto const index = static_cast<std::size_t>(r);
    return index < std::size(names) ? names[index] : "unknown";
}

std::optional<resource> resource_named(std::string_view name) noexcept
{
    auto const found = std::find(std::begin(names), std::end(names), name);
    if (found == std::end(names))
        return std::nullopt;
    return static_cast<resource>(found - std::begin(names));
}

resource_limits::limit& resource_limits::of(resource what)
{
    for (limit& l : limits_)
        if (l.what == what)
            return l;
    return limits_.emplace_back(limit{what, std::nullopt, std::nullopt});
}

resource_limits& resource_limits::soft(resource what, std::uint64_t value)
{
    of(what).soft = value;
    return *this;
}

resource_limits& resource_limits::hard(resource what, std::uint64_t value)
{
    of(what).hard = value;
    return *this;
}

resource_limits& resource_limits::both(resource what, std::uint64_t value)
{
    return soft(what, value).hard(what, value);
}

resource_limits& resource_limits::io_priority(io_class which, int level)
{
    io_ = io_rank{which, level};
    return *this;
}

resource_limits& resource_limits::schedule(execasio::scheduler which, int priority)
{
    cpu_ = cpu_rank{which, priority};
    return *this;
}

resource_limits& resource_limits::cpus(std::vector<unsigned> numbers)
{
    cpus_ = std::move(numbers);
    return *this;
}

resource_limits& resource_limits::oom_score_adjust(int value)
{
    oom_ = value;
    return *this;
}

} // namespace execasio
