#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace execasio::sys {

/// What passwd(5) knows of a user.
struct account {
    std::string name;
    uid_t user = 0;
    gid_t group = 0;
    std::string home;
    std::string shell;
};

// Look-ups where the system says (nsswitch.conf), so they may take a while. nullopt: there is none.
// They throw boost::system::system_error when that cannot be told.
std::optional<account> find_account(std::string const& name);
std::optional<account> find_account(uid_t user);
std::optional<gid_t> find_group(std::string const& name);

/// The groups that an account is a member of, and `primary`. A source of groups that does not
/// answer is taken for one without any, as in initgroups(3). Throws as those above do.
std::vector<gid_t> groups_of(std::string const& account, gid_t primary);

} // namespace execasio::sys
