#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace execasio {

/// What getrlimit(2) limits, by the names that the kernel and ulimit(1) have for it. Units: bytes
/// for `fsize`, `data`, `stack`, `core`, `rss`, `memlock`, `as` and `msgqueue`; seconds for `cpu`;
/// microseconds for `rttime`; numbers for all others. The value of `nice` is 20 less the best nice
/// value.
enum class resource {
    cpu,
    fsize,
    data,
    stack,
    core,
    rss,
    nproc,
    nofile,
    memlock,
    as,
    locks,
    sigpending,
    msgqueue,
    nice,
    rtprio,
    rttime,
};

/// The enumerator's name.
char const* to_string(resource r) noexcept;

/// The other way; nullopt for what is no such name.
std::optional<resource> resource_named(std::string_view name) noexcept;

/// I/O scheduling classes (ioprio_set(2)).
enum class io_class {
    realtime = 1,    ///< first, always; needs CAP_SYS_ADMIN or CAP_SYS_NICE
    best_effort = 2, ///< the usual one
    idle = 3,        ///< only when nobody else wants the disk; has no levels
};

/// CPU schedulers (sched(7)).
enum class scheduler {
    other,
    batch, ///< throughput before latency
    idle,  ///< only when nobody else wants the CPU
    fifo,  ///< real time, priority 1 to 99; needs CAP_SYS_NICE or the limit `rtprio`
    rr,    ///< as fifo, in turns with those of the same priority
};

/// What a child may use and how it ranks among others. Whatever is not set is inherited.
///
/// A value with chainable setters. All of it is applied in the child, before it gives up any
/// privilege, and before `command::nice`; values out of range are errors of the launch (EINVAL, at
/// `stage::limits`). Raising what is limited needs CAP_SYS_RESOURCE (hard limits, a lower
/// oom_score_adj) or CAP_SYS_NICE.
///
/// The number of processes (`nproc`) is counted by user, over the whole system. For a child that
/// becomes another user it comes into force after that: otherwise a limit below what this user
/// already runs would make the kernel refuse the exec (EAGAIN), even of the last process allowed.
class resource_limits {
public:
    static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

    struct limit {
        resource what;
        std::optional<std::uint64_t> soft;
        std::optional<std::uint64_t> hard;
    };
    struct io_rank {
        io_class which;
        int level;
    };
    struct cpu_rank {
        scheduler which;
        int priority;
    };

    resource_limits& soft(resource what, std::uint64_t value); ///< what is enforced now
    /// How far the child may raise the soft limit by itself. A soft limit above it is lowered to
    /// it.
    resource_limits& hard(resource what, std::uint64_t value);
    resource_limits& both(resource what, std::uint64_t value); ///< soft and hard

    /// @param level 0 (first) to 7 (last); of no meaning for `io_class::idle`.
    resource_limits& io_priority(io_class which, int level = 4);

    /// @param priority 1 to 99 for `fifo` and `rr`; 0 for all others, which go by their nice value.
    resource_limits& schedule(execasio::scheduler which, int priority = 0);

    /// The CPUs that the child may run on (sched_setaffinity(2)), by number from 0.
    resource_limits& cpus(std::vector<unsigned> numbers);

    /// How readily the kernel kills it when memory runs out (proc(5)): -1000 (never) to 1000
    /// (first). Not for a program whose memory others may not see (PR_SET_DUMPABLE is 0, as after
    /// `assume_identity`): unless it is root, the kernel does not let it write that file of its
    /// children's (EACCES).
    resource_limits& oom_score_adjust(int value);

    [[nodiscard]] std::vector<limit> const& limits() const noexcept { return limits_; }
    [[nodiscard]] std::optional<io_rank> io_priority() const noexcept { return io_; }
    [[nodiscard]] std::optional<cpu_rank> schedule() const noexcept { return cpu_; }
    [[nodiscard]] std::optional<std::vector<unsigned>> const& cpus() const noexcept
    {
        return cpus_;
    }
    [[nodiscard]] std::optional<int> oom_score_adjust() const noexcept { return oom_; }

private:
    limit& of(resource what);

    std::vector<limit> limits_; // each resource once
    std::optional<io_rank> io_;
    std::optional<cpu_rank> cpu_;
    std::optional<std::vector<unsigned>> cpus_;
    std::optional<int> oom_;
};

} // namespace execasio
