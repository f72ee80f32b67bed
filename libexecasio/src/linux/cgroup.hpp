#pragma once

#include "execasio/cgroup.hpp"
#include "execasio/error.hpp"
#include "linux/process_set.hpp"
#include "linux/unique_fd.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace execasio::sys {

/// A cgroup made for one launch. Removed in the end, or by `remove_orphaned_cgroups` if somebody is
/// left in it then.
class cgroup_directory {
public:
    /// Makes it and sets its limits.
    /// @throws spawn_error
    explicit cgroup_directory(cgroup const& options);
    cgroup_directory(cgroup_directory const&) = delete;
    cgroup_directory& operator=(cgroup_directory const&) = delete;
    ~cgroup_directory();

    [[nodiscard]] std::string const& path() const noexcept { return path_; }
    [[nodiscard]] std::string const& parent() const noexcept { return parent_; }
    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }

    /// For CLONE_INTO_CGROUP; empty (and errno) when it cannot be opened.
    [[nodiscard]] unique_fd open() const noexcept;

    /// SIGKILL for all in it. @return False where the kernel cannot do that at once.
    bool kill() const noexcept;

    /// Removes it, if nobody is in it. @return Whether it is gone.
    bool remove() noexcept;

private:
    void limit(char const* controller, char const* file, std::string const& value) const;

    std::string parent_;
    std::string path_;
    std::uint32_t number_ = 0;
    bool removed_ = false;
};

/// The processes of a cgroup and of those below it.
class cgroup_set final : public process_set {
public:
    explicit cgroup_set(cgroup_directory const& directory);

    [[nodiscard]] stop_mechanism mechanism() const noexcept override
    {
        return stop_mechanism::cgroup;
    }
    look find() override;
    void signal(int number, pid_t child, bool& child_included) override;
    [[nodiscard]] bool surely_empty() noexcept override;
    [[nodiscard]] int event() noexcept override { return events_.get(); }

private:
    enum class answer { yes, no, unknown };

    void open_files() noexcept;
    bool kill_all() noexcept;
    [[nodiscard]] answer populated() const noexcept;
    std::vector<held_process> members() const;

    std::string path_; // the directory may go first
    std::string kill_path_;
    std::string events_path_;
    unique_fd kill_;
    unique_fd events_;
};

/// Removes cgroups whose owner has gone before they were empty; never blocks.
void remove_orphaned_cgroups() noexcept;

} // namespace execasio::sys
