#include "identity.hpp"

#include "execasio/error.hpp"
#include "linux/capability_calls.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>

namespace execasio::detail {
namespace {

using name_or_number = credentials::name_or_number;

// To the kernel it means "leave it as it is": a child would stay what its parent is.
constexpr id_t no_id = std::numeric_limits<id_t>::max();

[[noreturn]] void refuse(error_code why, std::string const& subject)
{
    throw spawn_error(stage::credentials, why, subject);
}

std::string text_of(name_or_number const& who)
{
    if (auto const* name = std::get_if<std::string>(&who))
        return *name;
    return std::to_string(std::get<id_t>(who));
}

std::optional<id_t> number_of(std::string const& digits) noexcept
{
    id_t number = 0;
    char const* const last = digits.data() + digits.size();
    auto const [end, error] = std::from_chars(digits.data(), last, number);
    if (error != std::errc() || end != last || digits.empty())
        return std::nullopt;
    return number;
}

gid_t find_group(name_or_number const& which)
{
    std::optional<gid_t> found;
    try {
        if (auto const* name = std::get_if<std::string>(&which)) {
            found = sys::find_group(*name);
            if (!found)
                found = number_of(*name);
        } else {
            found = std::get<id_t>(which);
        }
    } catch (boost::system::system_error const& e) {
        refuse(e.code(), text_of(which));
    }
    if (!found || *found == no_id)
        refuse(errc::no_such_group, text_of(which));
    return *found;
}

} // namespace

identity::identity(command const& cmd)
{
    if (auto const& c = cmd.credentials()) {
        user_text_ = text_of(c->user());
        find_user(*c);
        find_groups(*c);
        login_environment_ = c->has_login_environment();
    }
    look_at_capabilities(cmd);
}

void identity::find_user(credentials const& c)
{
    std::optional<uid_t> number;
    try {
        if (auto const* name = std::get_if<std::string>(&c.user())) {
            account_ = sys::find_account(*name);
            if (!account_)
                number = number_of(*name);
        } else {
            number = std::get<id_t>(c.user());
        }
        if (number && *number != no_id)
            account_ = sys::find_account(*number);
    } catch (boost::system::system_error const& e) {
        refuse(e.code(), user_text_);
    }
    if (account_)
        number = account_->user;
    if (!number || *number == no_id || (!account_ && c.has_login_environment()))
        refuse(errc::no_such_user, user_text_);
    plan_.set_user = true;
    plan_.user = *number;
}

void identity::find_groups(credentials const& c)
{
    if (c.group())
        plan_.group = find_group(*c.group());
    else if (account_)
        plan_.group = account_->group;
    else
        refuse(errc::no_primary_group, user_text_);
    if (c.supplementary_groups()) {
        for (name_or_number const& group : *c.supplementary_groups())
            groups_.push_back(find_group(group));
    } else if (account_) {
        try {
            groups_ = sys::groups_of(account_->name, plan_.group);
        } catch (boost::system::system_error const& e) {
            refuse(e.code(), user_text_);
        }
    } else {
        groups_ = {plan_.group};
    }
    std::sort(groups_.begin(), groups_.end());
    groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
    scratch_.resize(groups_.size() + 2);
    plan_.groups = groups_.data();
    plan_.group_count = groups_.size();
    plan_.scratch = scratch_.data();
}

void identity::look_at_capabilities(command const& cmd)
{
    if (auto const& kept = cmd.capabilities()) {
        plan_.keep_capabilities = true;
        plan_.kept = kept->mask();
        plan_.root_keeps_all = cmd.root_keeps_all();
        // Before anything is opened or born. What counts is what the child then finds.
        std::uint64_t const missing = plan_.kept & ~sys::permitted_capabilities();
        if (missing != 0)
            throw spawn_error(stage::capabilities, {EPERM, boost::system::system_category()},
                              describe(capabilities::from_mask(missing)));
    }
    if (cmd.bounding_set()) {
        plan_.limit_bounding = true;
        plan_.bounding = cmd.bounding_set()->mask();
    }
    if (cmd.securebits()) {
        plan_.set_securebits = true;
        plan_.securebits = *cmd.securebits();
    }
}

std::vector<command::variable> identity::login_variables() const
{
    if (!login_environment_)
        return {};
    return {{"HOME", account_->home},
            {"USER", account_->name},
            {"LOGNAME", account_->name},
            {"SHELL", account_->shell.empty() ? "/bin/sh" : account_->shell}}; // passwd(5)
}

} // namespace execasio::detail
