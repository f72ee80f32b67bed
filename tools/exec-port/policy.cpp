#include "policy.hpp"

#include "capability_names.hpp"
#include "user.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace exec_port {
namespace {

constexpr std::size_t longest_file = 1024 * 1024;

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor const&) = delete;
    descriptor& operator=(descriptor const&) = delete;
    ~descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

/// Looked at by descriptor: what is checked is what is read.
void require_roots(int fd, std::string const& path)
{
    struct stat s {};
    if (::fstat(fd, &s) != 0)
        throw policy::error(path + ": " + std::strerror(errno));
    if (s.st_uid != 0)
        throw policy::error(path + " belongs to user " + std::to_string(s.st_uid) +
                            ", and must belong to root");
    if ((s.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw policy::error(path + " may be written by others than root: chmod go-w " + path);
}

uid_t to_user(std::string const& word, std::string const& place)
{
    uid_t number = 0;
    auto const [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (failure == std::errc() && end == word.data() + word.size())
        return number;
    try {
        if (auto const id = user_id(word))
            return *id;
    } catch (boost::system::system_error const& e) {
        throw policy::error(place + ": cannot look up user '" + word + "': " + e.code().message());
    }
    throw policy::mistake(place + ": there is no user '" + word + "'");
}

std::uint64_t to_capability(std::string const& word, std::string const& place)
{
    if (word == "all")
        return ~std::uint64_t{0};
    std::string const name = word.compare(0, 4, "cap_") == 0 ? word.substr(4) : word;
    if (auto const number = capability_number(name))
        return std::uint64_t{1} << *number;
    throw policy::mistake(place + ": there is no capability '" + word + "'");
}

} // namespace

policy policy::read(std::string const& path)
{
    auto const slash = path.rfind('/');
    std::string const directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    descriptor const parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0)
        throw error(directory + ": " + std::strerror(errno));
    require_roots(parent.get(), directory);
    // Not through a link, and never waiting for a FIFO.
    descriptor const file(::openat(parent.get(), path.substr(slash + 1).c_str(),
                                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (file.get() < 0)
        throw error(path + ": " + std::strerror(errno));
    require_roots(file.get(), path);
    struct stat s {};
    if (::fstat(file.get(), &s) != 0 || !S_ISREG(s.st_mode))
        throw error(path + " is not a plain file");
    std::string text;
    char buffer[4096];
    for (;;) {
        ssize_t const size = ::read(file.get(), buffer, sizeof buffer);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            throw error(path + ": " + std::strerror(errno));
        if (size == 0)
            return parse(text, path);
        text.append(buffer, static_cast<std::size_t>(size));
        if (text.size() > longest_file)
            throw error(path + " is longer than a policy can be");
    }
}

policy policy::parse(std::string const& text, std::string const& name)
{
    policy result;
    if (auto const nul = text.find('\0'); nul != std::string::npos)
        throw mistake(
            name + ": a NUL in line " +
            std::to_string(1 + std::count(text.begin(),
                                          text.begin() + static_cast<std::ptrdiff_t>(nul), '\n')));
    std::istringstream lines(text);
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        std::string const place = name + ", line " + std::to_string(number);
        std::istringstream words(line.substr(0, line.find('#')));
        std::string word;
        if (!(words >> word))
            continue;
        rule r{0, {}, 0};
        std::string caller;
        std::string as;
        if (word != "allow" || !(words >> caller >> as) || as != "as")
            throw mistake(place + ": expected allow CALLER as USER... [with CAPABILITY...]");
        r.caller = to_user(caller, place);
        bool with = false;
        while (words >> word) {
            if (word == "with" && !with)
                with = true;
            else if (with)
                r.capabilities |= to_capability(word, place);
            else
                r.users.push_back(to_user(word, place));
        }
        if (r.users.empty() || (with && r.capabilities == 0))
            throw mistake(place + ": nothing comes after '" + (with ? "with" : "as") + "'");
        result.rules_.push_back(std::move(r));
    }
    return result;
}

bool policy::knows(uid_t caller) const noexcept
{
    return std::any_of(rules_.begin(), rules_.end(),
                       [=](rule const& r) { return r.caller == caller; });
}

bool policy::allows(uid_t caller, uid_t user) const noexcept
{
    return std::any_of(rules_.begin(), rules_.end(), [=](rule const& r) {
        return r.caller == caller &&
               std::find(r.users.begin(), r.users.end(), user) != r.users.end();
    });
}

std::uint64_t policy::capabilities(uid_t caller, uid_t user) const noexcept
{
    std::uint64_t all = 0;
    for (rule const& r : rules_)
        if (r.caller == caller && std::find(r.users.begin(), r.users.end(), user) != r.users.end())
            all |= r.capabilities;
    return all;
}

std::vector<uid_t> policy::users_for(uid_t caller) const
{
    std::vector<uid_t> all;
    for (rule const& r : rules_)
        if (r.caller == caller)
            all.insert(all.end(), r.users.begin(), r.users.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

} // namespace exec_port
