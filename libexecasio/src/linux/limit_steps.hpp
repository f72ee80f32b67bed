#pragma once

#include <cstddef>
#include <cstdint>

namespace execasio::sys {

struct child_report;

/// What a child may use, in the kernel's terms: plain data.
struct limits_plan {
    struct step {
        int resource; ///< RLIMIT_...
        bool set_soft, set_hard;
        std::uint64_t soft, hard;
    };
    /// `child_report::detail` of what is no resource limit; those go by their RLIMIT_ number.
    enum detail : int { oom_score = 100, io_priority, cpu_scheduler, cpu_set };

    step const* steps = nullptr;
    std::size_t step_count = 0;
    bool changes_user = false; ///< the limit of processes is completed by `finish_limits`

    char const* oom_score_adjust = nullptr; ///< digits, as /proc wants them
    bool set_io_priority = false;
    int io_priority_value = 0; ///< class and level as ioprio_set(2) wants them
    bool set_scheduler = false;
    int scheduler_policy = 0;
    int scheduler_priority = 0;
    unsigned long const* cpus = nullptr; ///< sched_setaffinity(2)'s mask
    std::size_t cpus_size = 0;           ///< in bytes
};

/// Applies all, with the rights that the child still has. @return 0 or an errno.
int apply_limits(limits_plan const& plan, child_report& report) noexcept;

/// After the change of the user. @return 0 or an errno.
int finish_limits(limits_plan const& plan, child_report& report) noexcept;

} // namespace execasio::sys
