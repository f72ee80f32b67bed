#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <sys/types.h>

namespace execasio {

/// Who a child is to be: its user, primary group and supplementary groups (credentials(7)), each by
/// name or by number.
///
/// A value; nothing is looked up before the launch. That happens in the parent, through nsswitch
/// (getpwnam(3), getgrouplist(3)), and takes as long as that takes. A word that is no name, but
/// digits, is a number.
///
/// A launch with credentials sets the real, effective, saved and file system numbers, reads all of
/// them back and refuses to execute the program if one is not what was asked for. Capabilities that
/// the parent would pass on (inheritable and ambient ones) are dropped, unless
/// `command::capabilities` says what is kept.
class credentials {
public:
    using name_or_number = std::variant<std::string, id_t>;

    static credentials user(std::string name);
    /// A number that no account has needs a `group`.
    static credentials user(uid_t number);

    credentials& group(std::string name); ///< the primary group; default: that of the account
    credentials& group(gid_t number);

    /// Exactly these supplementary groups, in place of those that the account is a member of (the
    /// default, as initgroups(3)).
    template <class... Groups>
    credentials& supplementary_groups(Groups&&... groups)
    {
        others_.emplace();
        (supplementary_group(to_argument(std::forward<Groups>(groups))), ...);
        return *this;
    }
    /// No supplementary groups at all.
    credentials& no_supplementary_groups();
    /// Adds one to the exact list (which replaces those of the account).
    credentials& supplementary_group(std::string name);
    credentials& supplementary_group(gid_t number);

    /// Sets HOME, USER, LOGNAME and SHELL from the account, as login(1) does. What
    /// `command::environment` or `unset_environment` say of these wins.
    credentials& login_environment();

    [[nodiscard]] name_or_number const& user() const noexcept { return user_; }
    [[nodiscard]] std::optional<name_or_number> const& group() const noexcept { return group_; }
    /// nullopt: those of the account.
    [[nodiscard]] std::optional<std::vector<name_or_number>> const&
    supplementary_groups() const noexcept
    {
        return others_;
    }
    [[nodiscard]] bool has_login_environment() const noexcept { return login_environment_; }

private:
    explicit credentials(name_or_number user) : user_(std::move(user)) {}

    template <class T>
    static auto to_argument(T&& group)
    {
        if constexpr (std::is_integral_v<std::remove_cvref_t<T>>)
            return static_cast<gid_t>(group);
        else
            return std::string(std::forward<T>(group));
    }

    name_or_number user_;
    std::optional<name_or_number> group_;
    std::optional<std::vector<name_or_number>> others_;
    bool login_environment_ = false;
};

} // namespace execasio
