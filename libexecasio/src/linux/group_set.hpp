#pragma once

#include "linux/process_set.hpp"

#include <set>

namespace execasio::sys {

/// The members of a process group.
///
/// A group's number is free again when its last member was reaped. What says that it still means
/// this group: the child, as long as it is a member and not reaped; the leader's pidfd, which
/// answers for its group from Linux 6.9 on; before that a member that is held and was not reaped.
/// When nothing says so any more the group counts as empty.
class group_set final : public process_set {
public:
    /// @param group Not this process's own.
    /// @param child A child of this program that is a member and has not been reaped; 0: none.
    /// @param leader A pidfd of the leader, who has not been reaped; may be empty.
    group_set(pid_t group, pid_t child, unique_fd leader);
    /// The same with a pidfd that is somebody else's and outlives this object, so that no other
    /// descriptor is needed.
    group_set(pid_t group, pid_t child, int leader);

    [[nodiscard]] stop_mechanism mechanism() const noexcept override
    {
        return stop_mechanism::group;
    }
    [[nodiscard]] bool signals_as_whole() const noexcept override { return true; }
    look find() override;
    void signal(int number, pid_t child, bool& child_included) override;
    [[nodiscard]] bool surely_empty() noexcept override;
    [[nodiscard]] bool knows_when_empty() const noexcept override;
    void before_reap() override;

private:
    enum class answer { yes, no, unknown };

    void hold_leader();
    [[nodiscard]] look walk(std::set<pid_t>& all) const;
    [[nodiscard]] answer ask_leader() const noexcept;
    [[nodiscard]] bool is_held_by_child() const noexcept;
    [[nodiscard]] bool is_still_ours() const noexcept;

    pid_t group_;
    pid_t child_; // not reaped; 0 once it is
    unique_fd owned_;
    int leader_; // -1: none
    std::vector<held_process> anchors_;
};

} // namespace execasio::sys
