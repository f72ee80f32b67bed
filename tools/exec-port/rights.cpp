#include "rights.hpp"

#include "log.hpp"
#include "user.hpp"

#include <execasio/assume_identity.hpp>
#include <execasio/error.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <variant>

#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace exec_port {
namespace {

using execasio::capabilities;

/// "net_admin,cap_kill", "all".
std::optional<capabilities> parse_capabilities(std::string const& text)
{
    capabilities all;
    for (std::size_t at = 0; at <= text.size();) {
        std::size_t const comma = std::min(text.find(',', at), text.size());
        std::string const name = text.substr(at, comma - at);
        try {
            if (!name.empty())
                all.add(std::string_view(name));
        } catch (boost::system::system_error const&) {
            log::error("-cap: there is no capability '" + name + "'");
            return std::nullopt;
        }
        at = comma + 1;
    }
    return all;
}

/// What a caller could steer a privileged program by, beside its requests. The loader takes its own
/// variables away; these are other programs'.
void clean_environment()
{
    std::string const shell = std::getenv("SHELL") ? std::getenv("SHELL") : "";
    std::string const terminal = std::getenv("TERM") ? std::getenv("TERM") : "";
    ::clearenv();
    ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    if (!shell.empty() && shell.front() == '/')
        ::setenv("SHELL", shell.c_str(), 1);
    if (!terminal.empty() && terminal.find('/') == std::string::npos)
        ::setenv("TERM", terminal.c_str(), 1);
}

/// And with these the ambient ones. @return False with errno.
bool clear_inheritable() noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) != 0)
        return false;
    for (__user_cap_data_struct& half : data)
        half.inheritable = 0;
    return ::syscall(SYS_capset, &header, data) == 0;
}

} // namespace

int rights::take_on(settings const& s)
{
    caller_ = ::getuid();
    own_ = ::geteuid();
    if (::getauxval(AT_SECURE) != 0) {
        if (int const code = read_policy(); code != exit_code::ok)
            return code;
        // A set-group-ID program's group: no rule can give it to commands.
        gid_t const group = ::getgid();
        if (::getegid() != group && ::setresgid(group, group, group) != 0) {
            log::error("cannot leave group " + std::to_string(::getegid()) + ": " +
                       std::strerror(errno));
            return exit_code::refused;
        }
        clean_environment();
        callers_identity_ = identity_with_own_groups(::getuid(), ::getgid());
    }
    if (s.capabilities) {
        auto const parsed = parse_capabilities(*s.capabilities);
        if (!parsed)
            return exit_code::unknown_capability;
        requested_ = *parsed;
    }
    if (!s.user) {
        if (own_ == 0 || own_ != caller_) {
            log::error("refusing to run as root, or set-user-ID, without -user: name the user, or "
                       "\"-user root\" "
                       "(in Erlang {user, \"root\"} and root among the options of exec:start) if "
                       "it has to be root");
            return exit_code::refused;
        }
        return drop_unneeded();
    }
    std::optional<uid_t> wanted;
    try {
        wanted = user_id(*s.user);
    } catch (boost::system::system_error const& e) {
        log::error("cannot look up user '" + *s.user + "': " + e.code().message());
        return exit_code::refused;
    }
    if (!wanted) {
        log::error("there is no user '" + *s.user + "'");
        return exit_code::unknown_user;
    }
    if (int const code = check_user(s, *wanted); code != exit_code::ok)
        return code;
    if (*wanted == own_ && *wanted == caller_)
        return own_ == 0 ? exit_code::ok : drop_unneeded();
    if (s.capabilities && *s.capabilities != "all" && !policy_) {
        capabilities missing = requested_;
        if (!missing.remove(capabilities::held()).empty()) {
            log::error("-cap: cannot keep " + describe(missing) +
                       ", which exec-port does not have");
            return exit_code::capabilities_refused;
        }
    }
    return become(*s.user, *wanted);
}

int rights::read_policy()
{
    std::string const example = "allow " + user_name(caller_) + " as USER...";
    try {
        policy_ = policy::read(policy_file_);
    } catch (policy::mistake const& e) {
        log::error(std::string("the policy cannot be used: ") + e.what());
        return exit_code::refused;
    } catch (policy::error const& e) {
        log::error("more rights here than the user who starts it has, and no policy in force that "
                   "says what they are for: " +
                   std::string(e.what()) + ". An administrator can write \"" + example +
                   "\" into " + policy_file_);
        return exit_code::refused;
    }
    if (policy_->knows(caller_))
        return exit_code::ok;
    log::error(policy_file_ + " has no rule for user '" + user_name(caller_) + "', such as \"" +
               example + '"');
    return exit_code::refused;
}

int rights::check_user(settings const& s, uid_t wanted) const
{
    if (wanted == own_ && wanted == caller_)
        return exit_code::ok;
    if (policy_ && wanted != caller_ && !policy_->allows(caller_, wanted)) {
        log::error(policy_file_ + " does not allow user '" + user_name(caller_) +
                   "' to run commands as '" + *s.user + "'");
        return exit_code::refused;
    }
    if (own_ != 0 && (wanted == 0 || !capabilities::held().contains(CAP_SETUID) ||
                      !capabilities::held().contains(CAP_SETGID))) {
        log::error("cannot switch from user '" + user_name(own_) + "' to '" + *s.user +
                   "': only root can, or who has cap_setuid and cap_setgid");
        return exit_code::refused;
    }
    return exit_code::ok;
}

/// The least that makes all options work: other users' processes have to be started and ended, and
/// priorities raised.
capabilities rights::needed(uid_t own) const
{
    capabilities all = requested_;
    if (!policy_)
        return all.add(CAP_SETUID).add(CAP_SETGID).add(CAP_KILL).add(CAP_SYS_NICE);
    capabilities granted;
    bool others = false;
    for (uid_t const user : policy_->users_for(caller_)) {
        others = others || user != own;
        granted.add(capabilities::from_mask(policy_->capabilities(caller_, user)));
    }
    all = granted;
    if (others)
        all.add(CAP_SETUID).add(CAP_SETGID).add(CAP_KILL);
    return all;
}

int rights::become(std::string const& name, uid_t user)
{
    std::optional<capabilities> kept;
    if (user != 0) { // root has all, and its commands expect that
        capabilities const held = capabilities::held();
        capabilities missing = held;
        missing.remove(needed(user));
        kept = held;
        kept->remove(missing);
    }
    try {
        if (user == own_ && user == caller_)
            execasio::assume_identity(std::nullopt, kept);
        else
            execasio::assume_identity(identity_of(user, name), kept);
    } catch (execasio::spawn_error const& e) {
        log::error("cannot switch to user '" + name + "': " + e.what());
        return e.where() == execasio::stage::capabilities ? exit_code::capabilities_refused
                                                          : exit_code::refused;
    }
    own_ = user;
    return exit_code::ok;
}

/// For a port that keeps its user, but has its file's capabilities. Those that were passed on to it
/// are its user's own.
int rights::drop_unneeded()
{
    if (policy_)
        return become(user_name(own_), own_);
    // Its memory is not for commands of the same user that have less, not even as a file which the
    // port opens for them: a link to /proc/self/mem. (A change of the user sets that, too.)
    if (!capabilities::held().empty() && ::prctl(PR_SET_DUMPABLE, 0) != 0) {
        log::error(std::string("cannot protect its memory: ") + std::strerror(errno));
        return exit_code::refused;
    }
    // What it has it keeps, but no command gets any of it unasked.
    if (!clear_inheritable()) {
        log::error(std::string("cannot clear the inheritable capabilities: ") +
                   std::strerror(errno));
        return exit_code::refused;
    }
    return exit_code::ok;
}

bool rights::is_privileged() const noexcept
{
    return policy_ || own_ == 0 || !capabilities::held().empty();
}

execasio::credentials rights::identity_of(uid_t user, std::string const& name) const
{
    return callers_identity_ && user == caller_ ? *callers_identity_
                                                : execasio::credentials::user(name);
}

bool rights::allow(uid_t user) const noexcept
{
    if (user == own_)
        return true;
    if (user == 0 && own_ != 0)
        return false;
    return !policy_ || user == caller_ || policy_->allows(caller_, user);
}

bool rights::may_manage(std::optional<execasio::credentials> const& owner) const noexcept
{
    return !policy_ || (owner && allow(*std::get_if<id_t>(&owner->user())));
}

capabilities rights::allowed(capabilities wanted, uid_t user) const noexcept
{
    capabilities limit = capabilities::held();
    if (policy_)
        limit = capabilities::from_mask(limit.mask() & policy_->capabilities(caller_, user));
    return capabilities::from_mask(wanted.mask() & limit.mask());
}

} // namespace exec_port
