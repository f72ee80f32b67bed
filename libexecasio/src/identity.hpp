#pragma once

#include "execasio/command.hpp"
#include "linux/accounts.hpp"
#include "linux/identity_steps.hpp"

#include <optional>
#include <string>
#include <vector>

namespace execasio::detail {

/// Who a command's child is to be, looked up and checked: all that the child itself cannot do.
class identity {
public:
    /// @throws spawn_error
    explicit identity(command const& cmd);
    identity(identity const&) = delete;
    identity& operator=(identity const&) = delete;

    /// Points into this object.
    [[nodiscard]] sys::identity_plan const& plan() const noexcept { return plan_; }

    /// As the command has it, for messages.
    [[nodiscard]] std::string const& user_text() const noexcept { return user_text_; }

    /// What `credentials::login_environment` asks for; nothing otherwise.
    [[nodiscard]] std::vector<command::variable> login_variables() const;

private:
    void find_user(credentials const& c);
    void find_groups(credentials const& c);
    void look_at_capabilities(command const& cmd);

    sys::identity_plan plan_;
    std::string user_text_;
    std::optional<sys::account> account_;
    std::vector<gid_t> groups_;
    std::vector<gid_t> scratch_;
    bool login_environment_ = false;
};

} // namespace execasio::detail
