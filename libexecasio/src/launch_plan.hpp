#pragma once

#include "execasio/command.hpp"
#include "execasio/error.hpp"
#include "identity.hpp"
#include "limits.hpp"
#include "linux/cgroup.hpp"
#include "linux/clone.hpp"
#include "linux/low_descriptors.hpp"
#include "linux/unique_fd.hpp"
#include "newborn.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace execasio::detail {

/// A launch prepared up to the birth: checked, looked up, opened and allocated, so that nothing of
/// that is left to the child. Owns what it opened; a plan that is given up leaves nothing behind.
class launch_plan {
public:
    /// @throws spawn_error
    explicit launch_plan(command const& cmd);
    launch_plan(launch_plan const&) = delete;
    launch_plan& operator=(launch_plan const&) = delete;

    /// Gives birth to the child and closes the child's ends of all pipes and files.
    /// @param hook Run by the child before exec; it sees the parent's whole descriptor table.
    /// @throws spawn_error
    sys::child_handle launch(int (*hook)(void*) noexcept = nullptr, void* hook_context = nullptr);

    /// The first half of that for a command that changes its identity: does not wait for exec.
    [[nodiscard]] newborn begin(int (*hook)(void*) noexcept = nullptr,
                                void* hook_context = nullptr);
    /// The second half. @throws spawn_error
    sys::child_handle complete(sys::birth born) const;

    // The parent's ends of the pipes; empty for a stream that is none.
    sys::unique_fd input;
    sys::unique_fd output;
    sys::unique_fd error;
    sys::unique_fd terminal; ///< the master

    std::unique_ptr<sys::cgroup_directory> cgroup; ///< empty when there is none
    std::uint64_t tree_number = 0; ///< in the mark in the child's environment; 0: not tracked

    [[nodiscard]] std::string const& file() const noexcept { return file_; }
    [[nodiscard]] char const* const* arguments() const noexcept { return plan_.argv; }
    [[nodiscard]] char const* const* environment() const noexcept { return plan_.envp; }

    /// Used in place of the command's own (Boost.Process initializers); must outlive the launch.
    void replace_environment(char const* const* envp) noexcept;
    void replace_arguments(char const* const* argv) noexcept;

private:
    [[noreturn]] static void refuse(errc why, std::string const& subject);
    void check() const;
    [[nodiscard]] bool drops_what_others_could_use() const;
    void prepare_environment();
    void find_program();
    void look_at_given();
    void connect(stream const& s, int number, sys::unique_fd& parent_end);
    void open_file(stream const& s, int number);
    void merge_file(int number, int into);
    void prepare_streams();
    void prepare_terminal();
    void prepare_attributes();
    void prepare_cgroup();
    sys::guard_entry prepare_guard();
    template <class Birth>
    auto into_cgroup(Birth birth);
    [[nodiscard]] std::string subject_of(sys::birth const& failed) const;

    command const& cmd_;
    std::unique_ptr<identity> identity_; // of a command that changes it
    std::unique_ptr<limits> limits_;
    std::string file_;
    std::vector<char*> argv_;
    std::vector<std::string> environment_strings_;
    std::vector<char*> envp_;
    std::vector<sys::unique_fd> child_ends_;
    int slave_ = -1; // one of those, when there is a terminal
    std::vector<sys::descriptor_move> moves_;
    std::vector<sys::file_to_open> files_; // left to a child that changes its user
    std::array<int, 3> inherited_{};       // what 0 to 2 of the child are when they are inherited
    std::array<bool, 3> outlives_exec_{};  // the parent's own 0 to 2, as they are
    sys::child_plan plan_;
};

} // namespace execasio::detail
