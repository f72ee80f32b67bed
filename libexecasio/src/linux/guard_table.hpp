#pragma once

#include "linux/guard_slot.hpp"

#include <utility>
#include <vector>

#include <sys/types.h>

namespace execasio::sys {

class guard_table;

/// What is still to be guarded of a child that was reaped.
enum class guarded_rest {
    nothing,
    cgroup,         ///< whoever is in there; the number of its group may be given away
    group_and_tree, ///< a plan is under way for them, and for its cgroup
};

/// A child's place in the guardian's table. Empty when no guardian was there at its birth. Gives
/// the place back in the end. No system calls, and nothing at all when empty,
/// or in a copy of the program (fork without exec): the table is the original's.
class guard_entry {
public:
    guard_entry() noexcept = default;
    guard_entry(guard_entry&& other) noexcept
        : table_(std::exchange(other.table_, nullptr)),
          slot_(std::exchange(other.slot_, nullptr))
    {
    }
    guard_entry& operator=(guard_entry&& other) noexcept
    {
        if (this != &other) {
            release();
            table_ = std::exchange(other.table_, nullptr);
            slot_ = std::exchange(other.slot_, nullptr);
        }
        return *this;
    }
    ~guard_entry() { release(); }

    /// A place for a child that is about to be born; empty when there is no guardian.
    static guard_entry for_birth(bool own_group) noexcept;

    /// A place for one that lives, and is not reaped yet.
    static guard_entry for_living(pid_t pid, bool own_group) noexcept;

    [[nodiscard]] guard_slot* slot() const noexcept { return slot_; }
    [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }

    /// It has ended, and its number may be another's in the next moment. What is left of it is
    /// guarded without a gap: this program may be killed at any time.
    void before_reap(guarded_rest rest) noexcept;
    /// It has not been reaped after all.
    void resume() noexcept { set(guard_slot::in_use); }

    /// Notes its cgroup. The guardian finds it only if there is room for the parent's path.
    void cgroup(char const* parent, std::uint32_t number) noexcept;

    /// Notes the number of its tree.
    void tree(std::uint64_t number) noexcept
    {
        if (slot_)
            slot_->tree = number;
    }

    void release() noexcept;

private:
    void set(std::uint32_t state) noexcept;

    guard_table* table_ = nullptr;
    guard_slot* slot_ = nullptr;
};

/// Keeps the table in use: one for each guardian.
class guard_table_user {
public:
    /// @throws boost::system::system_error when there is no shared memory to be had.
    guard_table_user();
    guard_table_user(guard_table_user const&) = delete;
    guard_table_user& operator=(guard_table_user const&) = delete;
    ~guard_table_user();

    [[nodiscard]] int memory() const noexcept; ///< the memfd

    /// Notes this program's own process group, for as long as this object lives.
    /// @throws boost::system::system_error when it does not lead it, or too many are spared.
    void own_group(std::vector<pid_t> const& spared);

private:
    guard_table* table_;
    bool has_own_group_ = false;
};

} // namespace execasio::sys
