#include "bench/affinity.hpp"

#include <stdexcept>
#include <string>

#include <sched.h>

namespace execasio_tool::bench {

void check_cpus(std::vector<unsigned> const& cpus)
{
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return; // more CPUs than the set has room for: the runs will tell
    for (unsigned const cpu : cpus)
        if (!CPU_ISSET(static_cast<std::size_t>(cpu), &allowed))
            throw std::invalid_argument(
                "--cpu: CPU " + std::to_string(cpu) +
                " is none that may be used here; taskset -p $$ tells which");
}

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
