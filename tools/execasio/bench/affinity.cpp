#include "bench/affinity.hpp"

#include <sched.h>

namespace execasio_tool::bench {

void keep_off(std::vector<unsigned> const& cpus) noexcept
{
    cpu_set_t rest;
    CPU_ZERO(&rest);
    if (::sched_getaffinity(0, sizeof rest, &rest) != 0)
        return;
    for (unsigned const cpu : cpus)
        CPU_CLR(static_cast<std::size_t>(cpu), &rest);
    if (CPU_COUNT(&rest) != 0)
        ::sched_setaffinity(0, sizeof rest, &rest);
}

} // namespace execasio_tool::bench
