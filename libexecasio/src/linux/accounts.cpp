#include "linux/accounts.hpp"

#include "linux/last_error.hpp"
#include "linux/unique_fd.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>

#include <grp.h>
#include <pwd.h>
#include <sys/eventfd.h>

namespace execasio::sys {
namespace {

/// A source of the system's (nsswitch.conf(5)) that cannot open its list leaves the word to the
/// next one, which knows nobody: nothing found means something only while something can be opened.
void require_room_to_look()
{
    unique_fd const probe(::eventfd(0, EFD_CLOEXEC));
    if (!probe)
        throw boost::system::system_error(last_error());
}

/// Calls one of the reentrant look-ups with a buffer that is large enough.
/// @return Whether there is such an entry, which then points into the buffer.
template <class Entry, class LookUp>
bool look_up(Entry& entry, std::vector<char>& buffer, LookUp function)
{
    constexpr std::size_t largest = 16 * 1024 * 1024; // a group lists its members
    buffer.resize(1024);
    for (;;) {
        Entry* found = nullptr;
        int const error = function(&entry, buffer.data(), buffer.size(), &found);
        if (found)
            return true;
        if (error == ERANGE && buffer.size() < largest) {
            buffer.resize(buffer.size() * 2);
        } else if (error == 0 || error == ENOENT || error == ESRCH) { // "Errors" in getpwnam(3)
            require_room_to_look();
            return false;
        } else if (error != EINTR) {
            throw boost::system::system_error(error, boost::system::system_category());
        }
    }
}

std::string text(char const* value)
{
    return value ? value : "";
}

account to_account(passwd const& entry)
{
    account a;
    a.name = text(entry.pw_name);
    a.user = entry.pw_uid;
    a.group = entry.pw_gid;
    a.home = text(entry.pw_dir);
    a.shell = text(entry.pw_shell);
    return a;
}

} // namespace

std::optional<account> find_account(std::string const& name)
{
    passwd entry{};
    std::vector<char> buffer;
    auto const by_name = [&](passwd* e, char* data, std::size_t size, passwd** found) {
        return ::getpwnam_r(name.c_str(), e, data, size, found);
    };
    if (!look_up(entry, buffer, by_name))
        return std::nullopt;
    return to_account(entry);
}

std::optional<account> find_account(uid_t user)
{
    passwd entry{};
    std::vector<char> buffer;
    auto const by_number = [&](passwd* e, char* data, std::size_t size, passwd** found) {
        return ::getpwuid_r(user, e, data, size, found);
    };
    if (!look_up(entry, buffer, by_number))
        return std::nullopt;
    return to_account(entry);
}

std::optional<gid_t> find_group(std::string const& name)
{
    ::group entry{};
    std::vector<char> buffer;
    auto const by_name = [&](::group* e, char* data, std::size_t size, ::group** found) {
        return ::getgrnam_r(name.c_str(), e, data, size, found);
    };
    if (!look_up(entry, buffer, by_name))
        return std::nullopt;
    return entry.gr_gid;
}

std::vector<gid_t> groups_of(std::string const& account, gid_t primary)
{
    constexpr std::size_t most = 65536; // NGROUPS_MAX: the kernel takes no more
    std::vector<gid_t> groups(64);
    for (;;) {
        int count = static_cast<int>(groups.size());
        bool const all = ::getgrouplist(account.c_str(), primary, groups.data(), &count) >= 0;
        if (all || groups.size() > most) {
            // Never more than were filled in: what a resize adds would be group 0.
            require_room_to_look();
            groups.resize(std::min(groups.size(), static_cast<std::size_t>(count)));
            return groups;
        }
        // It says how many there are; but that may grow from one call to the next.
        groups.resize(std::max(groups.size() * 2, static_cast<std::size_t>(count)));
    }
}

} // namespace execasio::sys
