#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace execasio::sys {

struct child_report;

/// Who a child is to be, looked up and checked by the parent: plain data.
struct identity_plan {
    bool set_user = false; ///< and both kinds of groups
    uid_t user = 0;
    gid_t group = 0;
    gid_t const* groups = nullptr; ///< sorted, each once
    std::size_t group_count = 0;
    gid_t* scratch = nullptr; ///< room for reading `group_count` + 2 groups back

    bool keep_capabilities = false; ///< exactly `kept`; else what a change of the user leaves
    std::uint64_t kept = 0;
    bool root_keeps_all = false; ///< a child with user number 0 has others besides
    bool pass_on = true;         ///< what is kept is for the program that is executed, too
    bool limit_bounding = false;
    std::uint64_t bounding = 0;
    bool set_securebits = false;
    unsigned securebits = 0;
};

/// A program that has switched its effective user holds its rights without using them: from here on
/// this process uses them. A failure is no error; the step that misses a right will say so.
void use_permitted_capabilities() noexcept;

/// Gives up all, the inheritable and ambient ones included, of this process alone. In memory that
/// it shares with one that has capabilities only if that is not dumpable: who may trace one of the
/// two has both. @return False with errno.
bool drop_capabilities() noexcept;

/// Makes the calling process what the plan says, reads all of it back and compares. Never to be
/// called in memory that is shared with the parent: a change of the user would clear the parent's
/// dumpable flag. `report.where` and `report.detail` tell how far it came.
/// @return 0 or an errno.
int change_identity(identity_plan const& plan, child_report& report) noexcept;

} // namespace execasio::sys
