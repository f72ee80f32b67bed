#include "user.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>
#include <vector>

#include <pwd.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace exec_port {
namespace {

/// A source of the system's (nsswitch.conf(5)) that cannot open its list leaves the word to the
/// next one, which knows nobody: nothing found means something only while something can be opened.
void require_room_to_look()
{
    int const probe = ::eventfd(0, EFD_CLOEXEC);
    if (probe < 0)
        throw boost::system::system_error(errno, boost::system::system_category());
    ::close(probe);
}

/// Calls one of the reentrant look-ups with a buffer that is large enough.
template <class LookUp>
std::optional<passwd> look_up(std::vector<char>& buffer, LookUp function)
{
    buffer.resize(1024);
    for (;;) {
        passwd entry{};
        passwd* found = nullptr;
        int const error = function(&entry, buffer.data(), buffer.size(), &found);
        if (error == ERANGE && buffer.size() < 1024 * 1024) {
            buffer.resize(buffer.size() * 2);
        } else if (found) {
            return entry;
        } else if (error == 0 || error == ENOENT || error == ESRCH) { // "Errors" of getpwnam(3)
            require_room_to_look();
            return std::nullopt;
        } else if (error != EINTR) {
            throw boost::system::system_error(error, boost::system::system_category());
        }
    }
}

} // namespace

std::optional<uid_t> user_id(std::string const& name)
{
    std::vector<char> buffer;
    auto const entry = look_up(buffer, [&](passwd* e, char* data, std::size_t size, passwd** out) {
        return ::getpwnam_r(name.c_str(), e, data, size, out);
    });
    return entry ? std::optional(entry->pw_uid) : std::nullopt;
}

std::string user_name(uid_t id)
{
    std::vector<char> buffer;
    auto const by_id = [&](passwd* e, char* data, std::size_t size, passwd** out) {
        return ::getpwuid_r(id, e, data, size, out);
    };
    try {
        if (auto const entry = look_up(buffer, by_id))
            return entry->pw_name;
    } catch (boost::system::system_error const&) { // it has a number at least
    }
    return std::to_string(id);
}

execasio::credentials identity_with_own_groups(uid_t user, gid_t group)
{
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    int const count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::max(0, count)));
    auto who = execasio::credentials::user(user);
    who.group(group).no_supplementary_groups();
    for (gid_t const other : groups)
        who.supplementary_group(other);
    return who;
}

std::optional<execasio::credentials> owner_of(int os_pid)
{
    std::ifstream status("/proc/" + std::to_string(os_pid) + "/status");
    std::optional<uid_t> user;
    std::optional<gid_t> group;
    std::optional<std::vector<gid_t>> others;
    for (std::string line; std::getline(status, line);) {
        std::istringstream fields(line);
        std::string name;
        fields >> name;
        std::vector<id_t> numbers(std::istream_iterator<id_t>(fields), {});
        if (name == "Groups:")
            others = std::move(numbers);
        else if (name == "Uid:" && !numbers.empty())
            user = numbers.front();
        else if (name == "Gid:" && !numbers.empty())
            group = numbers.front();
    }
    if (!user || !group || !others)
        return std::nullopt;
    auto owner = execasio::credentials::user(*user);
    owner.group(*group).no_supplementary_groups();
    for (gid_t const other : *others)
        owner.supplementary_group(other);
    return owner;
}

} // namespace exec_port
