#include "linux/cgroup.hpp"

#include "linux/guard_slot.hpp"
#include "linux/last_error.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace execasio {
namespace {

/// Where the version 2 hierarchy is mounted, and which part of it: it may lie beside version 1.
bool find_mount(std::string& root, std::string& point)
{
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        auto const separator = line.find(" - ");
        if (separator == std::string::npos || line.compare(separator + 3, 8, "cgroup2 ") != 0)
            continue;
        std::istringstream fields(line);
        std::string skipped;
        fields >> skipped >> skipped >> skipped >> root >> point;
        return static_cast<bool>(fields);
    }
    return false;
}

std::string find_writable_cgroup()
{
    std::string root;
    std::string point;
    if (!find_mount(root, point))
        return "";
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("0::/"))
            continue;
        std::string own = line.substr(3);
        if (root != "/" && own.starts_with(root))
            own.erase(0, root.size());
        std::string path = point + own;
        while (path.size() > 1 && path.back() == '/')
            path.pop_back();
        // Moving a process there takes the right to write to both.
        bool const may =
            ::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0 &&
            ::faccessat(AT_FDCWD, (path + "/cgroup.procs").c_str(), W_OK, AT_EACCESS) == 0;
        return may ? path : "";
    }
    return "";
}

} // namespace

std::string const& writable_cgroup()
{
    static auto const* const path = new std::string(find_writable_cgroup());
    return *path;
}

namespace sys {
namespace {

bool write_file(std::string const& path, std::string const& text) noexcept
{
    unique_fd const file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    ssize_t n = -1;
    while (file && (n = ::write(file.get(), text.data(), text.size())) < 0 && errno == EINTR) {
    }
    return n == static_cast<ssize_t>(text.size());
}

bool has_word(std::string const& path, std::string const& word)
{
    std::ifstream file(path);
    for (std::string each; file >> each;)
        if (each == word)
            return true;
    return false;
}

/// What is below goes first: a program with a cgroup of its own may have made others.
bool remove_tree(std::string const& path) noexcept
{
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT)
        return true;
    try {
        std::unique_ptr<DIR, int (*)(DIR*)> const list(::opendir(path.c_str()), ::closedir);
        while (dirent const* const e = list ? ::readdir(list.get()) : nullptr)
            if (e->d_type == DT_DIR && std::strcmp(e->d_name, ".") != 0 &&
                std::strcmp(e->d_name, "..") != 0)
                remove_tree(path + '/' + e->d_name);
    } catch (std::bad_alloc const&) {
        return false;
    }
    return ::rmdir(path.c_str()) == 0;
}

struct orphans {
    std::mutex mutex;
    std::vector<std::string> paths;
    std::atomic<std::size_t> count = 0;
};

orphans& orphaned()
{
    static auto* const o = new orphans;
    return *o;
}

/// At the end of the program what was killed a moment ago may need one more.
void remove_at_exit()
{
    for (int tries = 0; tries < 100 && orphaned().count != 0; ++tries) {
        remove_orphaned_cgroups();
        if (orphaned().count != 0)
            ::poll(nullptr, 0, 1);
    }
}

void add_orphan(std::string path) noexcept
{
    try {
        static bool const registered = std::atexit(remove_at_exit) == 0;
        static_cast<void>(registered);
        std::lock_guard const lock(orphaned().mutex);
        orphaned().paths.push_back(std::move(path));
        orphaned().count = orphaned().paths.size();
    } catch (std::bad_alloc const&) { // an empty directory stays
    }
}

void list_processes(std::string const& path, std::vector<pid_t>& into)
{
    std::ifstream file(path + "/cgroup.procs");
    if (!file.is_open() && is_shortage(errno))
        throw boost::system::system_error(last_error(), path);
    for (pid_t pid; file >> pid;)
        if (pid != 0) // of another pid namespace
            into.push_back(pid);
    std::unique_ptr<DIR, int (*)(DIR*)> const list(::opendir(path.c_str()), ::closedir);
    if (!list && is_shortage(errno))
        throw boost::system::system_error(last_error(), path);
    while (dirent const* const e = list ? ::readdir(list.get()) : nullptr)
        if (e->d_type == DT_DIR && std::strcmp(e->d_name, ".") != 0 &&
            std::strcmp(e->d_name, "..") != 0)
            list_processes(path + '/' + e->d_name, into);
}

} // namespace

void remove_orphaned_cgroups() noexcept
{
    orphans& o = orphaned();
    if (o.count == 0)
        return;
    std::lock_guard const lock(o.mutex);
    std::erase_if(o.paths, [](std::string const& path) { return remove_tree(path); });
    o.count = o.paths.size();
}

cgroup_directory::cgroup_directory(cgroup const& options)
    : parent_(options.parent().empty() ? writable_cgroup() : options.parent())
{
    if (parent_.empty())
        throw spawn_error(stage::cgroup, make_error_code(errc::no_cgroup), "");
    static std::atomic<std::uint32_t> last_number = 0;
    std::array<char, guard_area::path_size + 64> path{};
    for (int tries = 0;; ++tries) {
        number_ = ++last_number;
        if (!cgroup_path(parent_.c_str(), ::getpid(), number_, path.data(), path.size()))
            throw spawn_error(stage::cgroup, {ENAMETOOLONG, boost::system::system_category()},
                              parent_);
        if (::mkdir(path.data(), 0755) == 0)
            break;
        // A program that had our process id before us may have left one behind.
        if (errno != EEXIST || tries == 1000)
            throw spawn_error(stage::cgroup, last_error(), path.data());
    }
    path_ = path.data();
    try {
        if (options.memory_max())
            limit("memory", "memory.max", std::to_string(*options.memory_max()));
        if (options.pids_max())
            limit("pids", "pids.max", std::to_string(*options.pids_max()));
        if (options.cpu_max())
            limit("cpu", "cpu.max",
                  std::to_string(options.cpu_max()->first.count()) + ' ' +
                      std::to_string(options.cpu_max()->second.count()));
    } catch (...) {
        ::rmdir(path_.c_str());
        throw;
    }
}

cgroup_directory::~cgroup_directory()
{
    if (!remove())
        add_orphan(std::move(path_));
}

void cgroup_directory::limit(char const* controller, char const* file,
                             std::string const& value) const
{
    if (!has_word(path_ + "/cgroup.controllers", controller) &&
        (!has_word(parent_ + "/cgroup.controllers", controller) ||
         !write_file(parent_ + "/cgroup.subtree_control", std::string("+") + controller)))
        throw spawn_error(stage::cgroup, make_error_code(errc::no_controller),
                          std::string(controller) + " in " + parent_);
    if (!write_file(path_ + '/' + file, value))
        throw spawn_error(stage::cgroup, last_error(), path_ + '/' + file);
}

unique_fd cgroup_directory::open() const noexcept
{
    return unique_fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool cgroup_directory::kill() const noexcept
{
    return write_file(path_ + "/cgroup.kill", "1");
}

bool cgroup_directory::remove() noexcept
{
    removed_ = removed_ || remove_tree(path_);
    return removed_;
}

cgroup_set::cgroup_set(cgroup_directory const& directory)
    : path_(directory.path()),
      kill_path_(path_ + "/cgroup.kill"),
      events_path_(path_ + "/cgroup.events")
{
    open_files();
}

/// Again when there was no descriptor for one before.
void cgroup_set::open_files() noexcept
{
    if (!kill_)
        kill_.reset(::open(kill_path_.c_str(), O_WRONLY | O_CLOEXEC));
    if (!events_)
        events_.reset(::open(events_path_.c_str(), O_RDONLY | O_CLOEXEC));
}

/// The file is read from its start each time: that also arms the next event.
cgroup_set::answer cgroup_set::populated() const noexcept
{
    char text[256];
    ssize_t const n = events_ ? ::pread(events_.get(), text, sizeof text - 1, 0) : -1;
    if (n <= 0) // ENODEV: it was removed, as only an empty one can be
        return events_ && errno == ENODEV ? answer::no : answer::unknown;
    text[n] = '\0';
    return std::strstr(text, "populated 0") ? answer::no : answer::yes;
}

bool cgroup_set::surely_empty() noexcept
{
    open_files();
    return populated() == answer::no;
}

std::vector<held_process> cgroup_set::members() const
{
    std::vector<pid_t> pids;
    list_processes(path_, pids);
    std::vector<held_process> held;
    std::string const name = path_.substr(path_.rfind('/'));
    for (pid_t const pid : pids) {
        process_entry e;
        held_process member;
        if (!read_process(pid, e) && is_shortage(errno))
            throw boost::system::system_error(last_error(), path_);
        if (!e.living || !hold(e, member))
            continue;
        // Now that it is held: is it the one that was in the list?
        std::array<char, 4096> text{};
        std::string const groups = "/proc/" + std::to_string(pid) + "/cgroup";
        if (read_small_file(groups.c_str(), text.data(), text.size()) == 0 && is_shortage(errno))
            throw boost::system::system_error(last_error(), groups);
        if (std::strstr(text.data(), name.c_str()))
            held.push_back(std::move(member));
    }
    return held;
}

process_set::look cgroup_set::find()
{
    look seen;
    if (surely_empty())
        return seen;
    // Not held: their ends are told by the cgroup.
    std::vector<held_process> found = members();
    seen.living = std::max<std::size_t>(found.size(), 1);
    seen.held = std::move(found);
    answer const told = populated(); // to ask also takes the event that nobody is left
    if (told == answer::no)
        return {};
    if (told == answer::unknown)
        seen.living = seen.held.size();
    return seen;
}

/// @return False before Linux 5.14.
bool cgroup_set::kill_all() noexcept
{
    while (kill_ && ::write(kill_.get(), "1", 1) < 0)
        if (errno != EINTR)
            kill_.reset();
    return static_cast<bool>(kill_);
}

void cgroup_set::signal(int number, pid_t child, bool& child_included)
{
    open_files();
    std::vector<held_process> found;
    try {
        found = members();
    } catch (std::exception const&) { // they cannot be looked at, but the kernel knows them
        if (number != SIGKILL || !kill_)
            throw;
    }
    bool const killed = number == SIGKILL && kill_all();
    for (held_process const& member : found) {
        bool const reached = killed || member.signal_and_continue(number) == 0;
        if (member.entry.pid == child)
            child_included = reached;
        else
            note(member.entry);
    }
}

} // namespace sys
} // namespace execasio
