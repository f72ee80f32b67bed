#include "bench/affinity.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>

#include <sched.h>

namespace execasio_tool::bench {
namespace {

cpu_set_t set_of(std::vector<int> const& cpus) noexcept
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int const cpu : cpus)
        CPU_SET(static_cast<std::size_t>(cpu), &set);
    return set;
}

/// Where this program may run at all, as it was found.
cpu_set_t const& allowed() noexcept
{
    static cpu_set_t const set = [] {
        cpu_set_t found;
        CPU_ZERO(&found);
        ::sched_getaffinity(0, sizeof found, &found);
        return found;
    }();
    return set;
}

} // namespace

pinned_launch::pinned_launch(std::vector<int> const& cpus) : cpus_(cpus)
{
    if (cpus_.empty())
        return;
    static_cast<void>(allowed()); // before it is changed
    cpu_set_t const set = set_of(cpus_);
    if (::sched_setaffinity(0, sizeof set, &set) != 0)
        throw boost::system::system_error(errno, boost::system::system_category(),
                                          "none of the CPUs given with --cpu can be used");
}

pinned_launch::~pinned_launch()
{
    if (cpus_.empty())
        return;
    cpu_set_t const taken = set_of(cpus_);
    cpu_set_t rest;
    CPU_AND(&rest, &allowed(), &taken);
    CPU_XOR(&rest, &allowed(), &rest);
    if (CPU_COUNT(&rest) == 0)
        rest = allowed(); // none is left to keep to
    ::sched_setaffinity(0, sizeof rest, &rest);
}

} // namespace execasio_tool::bench
