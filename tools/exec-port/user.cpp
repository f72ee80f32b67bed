#include "user.hpp"

#include <cerrno>
#include <vector>

#include <pwd.h>

namespace exec_port {
namespace {

/// Calls one of the reentrant look-ups with a buffer that is large enough.
template <class LookUp>
std::optional<passwd> look_up(std::vector<char>& buffer, LookUp function)
{
    buffer.resize(1024);
    for (;;) {
        passwd entry{};
        passwd* found = nullptr;
        int const error = function(&entry, buffer.data(), buffer.size(), &found);
        if (error == ERANGE && buffer.size() < 1024 * 1024)
            buffer.resize(buffer.size() * 2);
        else if (error != EINTR)
            return found ? std::optional(entry) : std::nullopt;
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
    auto const entry = look_up(buffer, [&](passwd* e, char* data, std::size_t size, passwd** out) {
        return ::getpwuid_r(id, e, data, size, out);
    });
    return entry ? entry->pw_name : std::to_string(id);
}

} // namespace exec_port
