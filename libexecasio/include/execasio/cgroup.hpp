#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace execasio {

/// A control group (cgroups(7), version 2) of its own for one process and all its descendants,
/// which it is born into (clone3 with CLONE_INTO_CGROUP, Linux 5.7): none of them can leave it by a
/// new session or by being orphaned. It is made for each launch and removed when it is empty.
///
/// `stop_target::tree` acts on it: SIGKILL reaches all at once (cgroup.kill, Linux 5.14; one by one
/// before that), and that nobody is left is known at once. When the process object is destroyed
/// (`lifetime::kill`) it is killed as a whole.
///
/// Setters return the object. A limit needs its controller in the parent; it is switched on there
/// if it can be. Launches fail with stage `cgroup` where the group cannot be had:
/// `errc::no_cgroup`, `errc::no_controller`, or the errno of mkdir(2), open(2) or clone3(2).
class cgroup {
public:
    cgroup() {} // not an aggregate

    /// The directory in which it is made. Default: see `writable_cgroup`.
    cgroup& parent(std::string directory) { return parent_ = std::move(directory), *this; }

    cgroup& memory_max(std::uint64_t bytes) { return memory_max_ = bytes, *this; }
    cgroup& pids_max(std::uint64_t processes) { return pids_max_ = processes, *this; }

    /// CPU time in each period, of all processors together.
    cgroup& cpu_max(std::chrono::microseconds quota,
                    std::chrono::microseconds period = std::chrono::milliseconds(100))
    {
        return cpu_max_ = std::pair(quota, period), *this;
    }

    /// Where it cannot be had the process is started without it. Not with limits: they are never
    /// left out silently.
    cgroup& optional(bool on = true) { return optional_ = on, *this; }

    [[nodiscard]] std::string const& parent() const noexcept { return parent_; }
    [[nodiscard]] std::optional<std::uint64_t> memory_max() const noexcept { return memory_max_; }
    [[nodiscard]] std::optional<std::uint64_t> pids_max() const noexcept { return pids_max_; }
    [[nodiscard]] auto const& cpu_max() const noexcept { return cpu_max_; }
    [[nodiscard]] bool is_optional() const noexcept
    {
        return optional_ && !memory_max_ && !pids_max_ && !cpu_max_;
    }

private:
    std::string parent_;
    std::optional<std::uint64_t> memory_max_;
    std::optional<std::uint64_t> pids_max_;
    std::optional<std::pair<std::chrono::microseconds, std::chrono::microseconds>> cpu_max_;
    bool optional_ = false;
};

/// The directory of the cgroup that this program is in, if it may make others in there; empty
/// otherwise. Found once.
std::string const& writable_cgroup();

} // namespace execasio
