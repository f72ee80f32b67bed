// The part of a launch plan that says which program is executed, and its environment.
#include "launch_plan.hpp"

#include "environment.hpp"
#include "linux/tree_mark.hpp"

#include <atomic>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace execasio::detail {
namespace {

bool is_executable_file(std::string const& path) noexcept
{
    struct stat s {};
    if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0 || ::stat(path.c_str(), &s) != 0)
        return false;
    if (S_ISREG(s.st_mode))
        return true;
    errno = EACCES; // as execve says of a directory
    return false;
}

/// One that no tree of this process id has had before, even if another program had it, or this one
/// was executed anew: they count from the time of their first one.
std::uint64_t new_tree_number()
{
    static std::atomic<std::uint64_t> last = [] {
        timespec t{};
        ::clock_gettime(CLOCK_BOOTTIME, &t);
        return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
               static_cast<std::uint64_t>(t.tv_nsec);
    }();
    return ++last;
}

} // namespace

void launch_plan::prepare_environment()
{
    std::vector<command::variable> own;
    if (identity_)
        own = identity_->login_variables();
    if (cmd_.tracks_tree()) {
        tree_number = new_tree_number();
        own.push_back(
            {sys::tree_variable, std::to_string(::getpid()) + '-' + std::to_string(tree_number)});
    }
    if (!cmd_.clears_environment() && cmd_.variables().empty() && own.empty()) {
        plan_.envp = ::environ;
        return;
    }
    environment_block block = make_environment(cmd_, own);
    environment_strings_ = std::move(block.owned);
    envp_ = std::move(block.list);
    plan_.envp = envp_.data();
}

void launch_plan::find_program()
{
    file_ = cmd_.executable().value_or(cmd_.arguments().front());
    plan_.file = file_.c_str();
    if (cmd_.executable() || !cmd_.searches_path() || file_.find('/') != std::string::npos)
        return;
    char const* const path = find_variable(plan_.envp, "PATH");
    std::string_view rest =
        path ? path : "/usr/local/bin:/bin:/usr/bin"; // confstr(_CS_PATH), local
    int reason = ENOENT;
    for (bool more = true; more;) {
        auto const colon = rest.find(':');
        std::string candidate(rest.substr(0, colon));
        more = colon != std::string_view::npos;
        rest.remove_prefix(more ? colon + 1 : rest.size());
        if (!candidate.empty() && candidate.back() != '/')
            candidate += '/';
        candidate += cmd_.arguments().front();
        // The child executes after chdir, so a relative candidate counts from there.
        bool const relative = candidate.front() != '/' && cmd_.directory();
        if (is_executable_file(relative ? *cmd_.directory() + '/' + candidate : candidate)) {
            file_ = candidate.find('/') == std::string::npos ? "./" + candidate : candidate;
            plan_.file = file_.c_str();
            return;
        }
        if (errno == EACCES)
            reason = EACCES; // there is one, but not for us: says more than "not found"
    }
    throw spawn_error(stage::search, {reason, boost::system::system_category()},
                      cmd_.arguments().front());
}

} // namespace execasio::detail
