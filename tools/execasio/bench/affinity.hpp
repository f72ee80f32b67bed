#pragma once

#include <vector>

namespace execasio_tool::bench {

/// Lets the children that are launched while it lives start on the given CPUs: a child inherits
/// them from the thread that launches it. Afterwards this thread keeps off them, if it can, so that
/// it does not take their time.
///
/// All that this tool knows of sched_setaffinity(2). Without effect for an empty list.
class pinned_launch {
public:
    /// @throws boost::system::system_error EINVAL when none of the CPUs is there for this program.
    explicit pinned_launch(std::vector<int> const& cpus);
    pinned_launch(pinned_launch const&) = delete;
    pinned_launch& operator=(pinned_launch const&) = delete;
    ~pinned_launch();

private:
    std::vector<int> const& cpus_;
};

} // namespace execasio_tool::bench
