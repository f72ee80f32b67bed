#pragma once

#include "linux/child_handle.hpp"
#include "linux/process_set.hpp"

#include <cstdint>
#include <map>

namespace execasio::sys {

/// A process and its descendants, found by walks through /proc: by their parents, by the groups and
/// sessions that known ones lead, and by a mark in their environment.
class tree_set final : public process_set {
public:
    /// @param root Outlives this.
    /// @param number In the mark that its descendants have inherited; 0: none.
    tree_set(child_handle const& root, std::uint64_t number);

    [[nodiscard]] stop_mechanism mechanism() const noexcept override
    {
        return stop_mechanism::process_walk;
    }
    look find() override;
    void signal(int number, pid_t child, bool& child_included) override;
    void before_reap() override;
    void reap() noexcept override;

private:
    void walk();
    void look_at_root();
    void know_root(process_entry const& e);
    [[nodiscard]] bool has_its_number() const noexcept;
    void mark_led_by_the_dead();
    void mark_by_environment();
    void freeze();

    process_table table_;                  // as of the last walk, descendants marked
    std::map<pid_t, std::uint64_t> known_; // with their starts; also dead ones whose group lives
    std::uint64_t root_start_ = 0;         // 0: not known yet
    bool reaped_ = false;                  // the root
    child_handle const& handle_;
    pid_t root_;
    std::uint64_t number_;
};

} // namespace execasio::sys
