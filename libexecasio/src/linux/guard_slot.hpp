#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace execasio::sys {

/// One child in the table that the guardian reads when this program has died. The manager fills in
/// what it knows before the birth; number and birth are written by the kernel and the child itself,
/// so that there is no moment in which a child lives and is not in the table.
struct alignas(64) guard_slot {
    enum : std::uint32_t {
        empty = 0,
        in_use = 1,
        leader_gone = 2, ///< the process has ended, but not all of its group or tree
    };
    enum : std::uint32_t {
        own_group = 1, ///< the number is also that of a group (or session) of its own
    };

    std::atomic<std::uint32_t> state;
    pid_t pid;              ///< 0: not born yet
    std::uint64_t alive_at; ///< CLOCK_BOOTTIME in ns: it was alive then. 0: born a moment ago
    std::uint32_t flags;
    std::uint32_t cgroup;        ///< the number in its cgroup's name; 0: none
    std::uint32_t cgroup_parent; ///< index of the directory that it is in
    std::uint64_t tree;          ///< the number in its tree's mark; 0: none
};
static_assert(sizeof(guard_slot) == 64 && std::atomic<std::uint32_t>::is_always_lock_free);

/// What the manager and its guardian share. Only pages that were used take memory.
struct guard_area {
    static constexpr std::size_t most_slots = 262144;
    static constexpr std::size_t most_parents = 15;
    static constexpr std::size_t path_size = 1024;
    static constexpr std::size_t most_spared = 1024;

    std::atomic<std::uint32_t> used;    ///< no slot from this one on was ever used
    std::atomic<std::uint32_t> parents; ///< how many of these are filled in
    pid_t manager;
    /// Whether the manager's own group ends as well, of which it is the leader: CLOCK_BOOTTIME in
    /// ns when it said so; 0: no.
    std::atomic<std::uint64_t> group_since;
    std::uint32_t spared_count;
    pid_t spared[most_spared]; ///< who was in that group and lives on
    char parent[most_parents][path_size];
    guard_slot slots[most_slots];
};

/// "PARENT/execasio-MANAGER-NUMBER". @return False when it does not fit.
bool cgroup_path(char const* parent, pid_t manager, std::uint32_t number, char* path,
                 std::size_t size) noexcept;

/// Goes on in a child, whose number it writes to `out`; ends when `in` does. So the manager can get
/// hold of the child (which cannot be reaped before) without being its parent.
/// @return In the child; false when there is none.
bool leave_parent(int in, int out) noexcept;

/// The guardian's whole life: waits until the manager is dead and ends its children.
/// @param area A memfd with a guard_area.
/// @param manager Reports an event when the manager is dead: its pidfd, or a pipe from it.
int guardian_main(int area, int manager) noexcept;

} // namespace execasio::sys
