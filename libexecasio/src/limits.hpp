#pragma once

#include "execasio/resource_limits.hpp"
#include "linux/limit_steps.hpp"

#include <string>
#include <vector>

namespace execasio::detail {

/// Resource limits in the kernel's terms.
class limits {
public:
    /// @param changes_user The child becomes another user after they are applied.
    /// @throws spawn_error for what is out of range and the kernel would not refuse.
    limits(resource_limits const& wanted, bool changes_user);
    limits(limits const&) = delete;
    limits& operator=(limits const&) = delete;

    /// Points into this object.
    [[nodiscard]] sys::limits_plan const& plan() const noexcept { return plan_; }

    /// What `child_report::detail` means.
    [[nodiscard]] static std::string name_of(int detail);

private:
    void set_io_priority(resource_limits::io_rank rank);
    void set_scheduler(resource_limits::cpu_rank rank) noexcept;
    void set_cpus(std::vector<unsigned> const& numbers);

    sys::limits_plan plan_;
    std::vector<sys::limits_plan::step> steps_;
    std::string oom_text_;
    std::vector<unsigned long> cpus_;
};

} // namespace execasio::detail
