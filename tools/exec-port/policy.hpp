#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

namespace exec_port {

/// What the administrator allows the users who start a port that has more rights than they have
/// (set-user-ID, file capabilities). A text file, a rule on each line:
///
///     # comment
///     allow CALLER as USER [USER...] [with CAPABILITY [CAPABILITY...]]
///
/// CALLER, a user's name or number, may have commands run as each USER, also with the capabilities
/// named ("all" is all of them; with or without "cap_"). What no rule allows is refused.
class policy {
public:
    /// Why a policy cannot be used, in words for the administrator.
    class error : public std::runtime_error {
    public:
        using std::runtime_error::runtime_error;
    };

    /// What is written there is wrong.
    class mistake : public error {
    public:
        using error::error;
    };

    /// Reads a file, which must be a plain file of root's that nobody else may write, in such a
    /// directory; anything else could be the caller's own work.
    /// @throws error
    static policy read(std::string const& path);

    /// The same for a text. `name` stands for it in messages.
    /// @throws mistake; error if a user cannot be looked up
    static policy parse(std::string const& text, std::string const& name);

    /// Whether there is any rule for a caller.
    [[nodiscard]] bool knows(uid_t caller) const noexcept;

    /// Whether commands of a caller may run as a user.
    [[nodiscard]] bool allows(uid_t caller, uid_t user) const noexcept;

    /// The capabilities that they may have then, as bits.
    [[nodiscard]] std::uint64_t capabilities(uid_t caller, uid_t user) const noexcept;

    /// All users that commands of a caller may run as.
    [[nodiscard]] std::vector<uid_t> users_for(uid_t caller) const;

private:
    struct rule {
        uid_t caller;
        std::vector<uid_t> users;
        std::uint64_t capabilities;
    };

    std::vector<rule> rules_;
};

} // namespace exec_port
