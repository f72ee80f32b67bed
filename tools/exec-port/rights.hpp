#pragma once

#include "command_line.hpp"
#include "policy.hpp"

#include <execasio/capabilities.hpp>
#include <execasio/credentials.hpp>

#include <optional>
#include <string>
#include <utility>

#include <sys/types.h>

namespace exec_port {

/// What the port may do for whoever started it.
///
/// A port that has no more rights than its starter may do what the kernel lets it; one that has
/// (set-user-ID, file capabilities: AT_SECURE of getauxval(3)) only what the policy allows.
class rights {
public:
    /// @param policy_file Where the policy of a port with more rights than its starter is.
    explicit rights(std::string policy_file) : policy_file_(std::move(policy_file)) {}

    /// Becomes the user of -user, for good, and keeps those capabilities that its options may need.
    /// Says why it cannot.
    /// @return exit_code::ok or the code to exit with.
    int take_on(settings const& s);

    /// Whom the port is, and its commands that name nobody.
    [[nodiscard]] uid_t user() const noexcept { return own_; }

    /// Whether the port has more rights than its starter, and a policy says which of them to use.
    [[nodiscard]] bool limited() const noexcept { return policy_.has_value(); }

    /// Whether it holds rights that its commands must not have by it.
    [[nodiscard]] bool is_privileged() const noexcept;

    /// As whom the commands of a user run: with the groups of its account. By a policy its caller's
    /// own are those that the caller has: nobody gets a group back that he had given up.
    [[nodiscard]] execasio::credentials identity_of(uid_t user, std::string const& name) const;

    /// Whether commands may run as a user.
    [[nodiscard]] bool allow(uid_t user) const noexcept;

    /// Whether a process that the port has not started may be taken charge of: by a policy only
    /// those of users as whom commands may run, whatever else the port could signal.
    /// @param owner nullopt when it is not known.
    [[nodiscard]] bool may_manage(std::optional<execasio::credentials> const& owner) const noexcept;

    /// Those of `wanted` that a command of a user may have.
    [[nodiscard]] execasio::capabilities allowed(execasio::capabilities wanted,
                                                 uid_t user) const noexcept;

private:
    int read_policy();
    int check_user(settings const& s, uid_t wanted) const;
    [[nodiscard]] execasio::capabilities needed(uid_t own) const;
    int become(std::string const& name, uid_t user);
    int drop_unneeded();

    std::string policy_file_;
    std::optional<policy> policy_;     // of a port that has more rights than its starter
    execasio::capabilities requested_; // -cap
    std::optional<execasio::credentials> callers_identity_; // of such a port
    uid_t caller_ = 0;
    uid_t own_ = 0;
};

} // namespace exec_port
