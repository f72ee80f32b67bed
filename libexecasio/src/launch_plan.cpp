#include "launch_plan.hpp"

#include "environment.hpp"
#include "linux/last_error.hpp"
#include "linux/terminal.hpp"
#include "linux/tree_mark.hpp"
#include "readiness.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace execasio::detail {
namespace {

[[noreturn]] void refuse(errc why, std::string const& subject)
{
    throw spawn_error(stage::command, make_error_code(why), subject);
}

void check_text(std::string const& text)
{
    if (text.find('\0') != std::string::npos)
        refuse(errc::embedded_nul, text.substr(0, text.find('\0')));
}

stage open_stage(int number) noexcept
{
    return number == 0 ? stage::open_input : number == 1 ? stage::open_output : stage::open_error;
}

stage pipe_stage(int number) noexcept
{
    return number == 0 ? stage::pipe_input : number == 1 ? stage::pipe_output : stage::pipe_error;
}

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

} // namespace

launch_plan::launch_plan(command const& cmd) : cmd_(cmd)
{
    check();
    child_ends_.reserve(4); // a descriptor just opened must not be lost for want of memory
    for (std::string const& word : cmd.arguments())
        argv_.push_back(const_cast<char*>(word.c_str())); // execve takes them so, and only reads
    argv_.push_back(nullptr);
    plan_.argv = argv_.data();
    if (cmd.changes_identity())
        identity_ = std::make_unique<identity>(cmd);
    if (cmd.limits())
        limits_ = std::make_unique<limits>(*cmd.limits(), cmd.credentials().has_value());
    prepare_environment();
    find_program();
    prepare_attributes();
    look_at_given();
    prepare_terminal();
    prepare_streams();
    prepare_cgroup();
}

void launch_plan::prepare_cgroup()
{
    if (!cmd_.cgroup())
        return;
    try {
        cgroup = std::make_unique<sys::cgroup_directory>(*cmd_.cgroup());
    } catch (spawn_error const&) {
        if (!cmd_.cgroup()->is_optional())
            throw;
    }
}

/// Into its cgroup, if it is to have one; a kernel or filter that refuses that is no reason to fail
/// when it is optional.
template <class Birth>
auto launch_plan::into_cgroup(Birth birth)
{
    if (!cgroup)
        return birth();
    decltype(birth()) born;
    sys::unique_fd const directory = cgroup->open();
    plan_.cgroup = directory.get();
    if (directory) {
        born = birth();
    } else {
        born.failed_at = stage::cgroup;
        born.error = sys::last_error();
    }
    plan_.cgroup = -1;
    if (born.failed_at == stage::cgroup && cmd_.cgroup()->is_optional()) {
        cgroup.reset();
        return birth();
    }
    return born;
}

void launch_plan::check() const
{
    if (cmd_.arguments().empty() || (cmd_.arguments().front().empty() && !cmd_.executable()))
        refuse(errc::empty_command, "");
    for (std::string const& word : cmd_.arguments())
        check_text(word);
    for (auto const* text : {&cmd_.executable(), &cmd_.directory()})
        if (*text)
            check_text(**text);
    for (stream const* s : {&cmd_.input(), &cmd_.output(), &cmd_.error()})
        check_text(s->path());
    for (auto const& [name, value] : cmd_.variables()) {
        check_text(name);
        check_text(value.value_or(""));
        if (name.empty() || name.find('=') != std::string::npos)
            refuse(errc::bad_variable_name, name);
    }
    if (cmd_.merges_error() && cmd_.merges_output())
        refuse(errc::circular_merge, "");
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

void launch_plan::prepare_attributes()
{
    plan_.new_session = cmd_.starts_session();
    // A session leader leads its group already; setpgid would be refused.
    plan_.set_group =
        !cmd_.group().is_inherited() && !(cmd_.starts_session() && cmd_.group().id() == 0);
    plan_.group = cmd_.group().id();
    plan_.directory = cmd_.directory() ? cmd_.directory()->c_str() : nullptr;
    plan_.set_umask = cmd_.umask().has_value();
    plan_.umask = cmd_.umask().value_or(0);
    plan_.set_nice = cmd_.nice().has_value();
    plan_.nice = std::clamp(cmd_.nice().value_or(0), -20, 19);
    plan_.limits = limits_ ? &limits_->plan() : nullptr;
    plan_.identity = identity_ ? &identity_->plan() : nullptr;
    plan_.no_new_privileges = cmd_.has_no_new_privileges();
    if (int const number = cmd_.parent_death_signal(); number != 0) {
        if (number < 0 || number > SIGRTMAX)
            throw spawn_error(stage::death_signal, {EINVAL, boost::system::system_category()},
                              std::to_string(number));
        plan_.death_signal = number;
        plan_.parent = ::getpid();
    }
    plan_.keep_ignored = cmd_.inherits_ignored_signals();
    plan_.signal_mask = cmd_.inherits_signal_mask() ? ~std::uint64_t{0} : 0;
}

void launch_plan::open_file(stream const& s, int number)
{
    if (identity_ && identity_->plan().set_user) {
        files_.push_back(
            {s.path().c_str(), s.open_flags(), s.mode(), number, -1, open_stage(number)});
        moves_.push_back({sys::descriptor_move::closed, number});
        return;
    }
    // Non-blocking, so that a FIFO without a reader or writer does not hold up the whole program.
    int fd;
    do {
        fd = ::open(s.path().c_str(), s.open_flags() | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, s.mode());
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        throw spawn_error(open_stage(number), sys::last_error(), s.path());
    child_ends_.emplace_back(fd);
    // The open file keeps just its access mode and O_APPEND: the child expects a blocking one.
    if (::fcntl(fd, F_SETFL, s.open_flags() & O_APPEND) < 0)
        throw spawn_error(open_stage(number), sys::last_error(), s.path());
    moves_.push_back({fd, number});
}

void launch_plan::connect(stream const& s, int number, sys::unique_fd& parent_end)
{
    if (s.is_file()) {
        open_file(s, number);
    } else if (s.is(stream::pipe) || s.is(stream::socket)) {
        int ends[2];
        bool const made = s.is(stream::pipe)
                              ? ::pipe2(ends, O_CLOEXEC) == 0
                              : ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
        if (!made)
            throw spawn_error(pipe_stage(number), sys::last_error(), "");
        int const child = number == 0 ? 0 : 1;
        parent_end.reset(ends[1 - child]);
        child_ends_.emplace_back(ends[child]);
        moves_.push_back({ends[child], number});
    } else if (s.is(stream::null)) {
        moves_.push_back({sys::descriptor_move::null, number});
    } else if (s.is(stream::close)) {
        moves_.push_back({sys::descriptor_move::closed, number});
    } else if (s.is_descriptor()) {
        moves_.push_back({s.fd(), number});
    } else {
        int const inherited = inherited_[static_cast<std::size_t>(number)];
        moves_.push_back({slave_ >= 0 ? slave_ : inherited, number});
    }
}

/// Before anything is opened here: that could get the number of a descriptor that is closed, and
/// the child would get it in its place.
void launch_plan::look_at_given()
{
    for (int number = 0; number < 3; ++number) {
        int const flags = ::fcntl(number, F_GETFD);
        auto const at = static_cast<std::size_t>(number);
        inherited_[at] = flags >= 0 ? number : sys::descriptor_move::closed;
        outlives_exec_[at] = flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    auto const require_open = [](int fd) {
        if (::fcntl(fd, F_GETFD) < 0)
            throw spawn_error(stage::descriptors, sys::last_error(), std::to_string(fd));
    };
    for (stream const* s : {&cmd_.input(), &cmd_.output(), &cmd_.error()})
        if (s->is_descriptor())
            require_open(s->fd());
    for (auto const& [number, fd] : cmd_.descriptors()) {
        if (number < 3 || fd < 0)
            refuse(errc::bad_descriptor, std::to_string(number));
        require_open(fd);
    }
}

void launch_plan::prepare_terminal()
{
    if (!cmd_.terminal())
        return;
    try {
        sys::terminal_pair pair = sys::open_terminal();
        sys::prepare_terminal(pair.slave.get(), *cmd_.terminal());
        terminal = std::move(pair.master);
        slave_ = pair.slave.get();
        // As login(1) does; a program that opens its terminal by name needs it. Without CAP_CHOWN
        // it has the open descriptors, and /dev/tty.
        if (identity_ && identity_->plan().set_user)
            static_cast<void>(::fchown(slave_, identity_->plan().user, static_cast<gid_t>(-1)));
        child_ends_.push_back(std::move(pair.slave));
    } catch (boost::system::system_error const& e) {
        throw spawn_error(stage::terminal, e.code(), file_);
    }
}

/// Of a merged stream, which is only connected once.
void launch_plan::merge_file(int number, int into)
{
    for (sys::file_to_open& file : files_)
        if (file.to == number)
            file.also = into;
}

void launch_plan::prepare_streams()
{
    moves_.reserve(3 + cmd_.descriptors().size());
    connect(cmd_.input(), 0, input);
    if (!cmd_.merges_output())
        connect(cmd_.output(), 1, output);
    if (cmd_.merges_error())
        moves_.push_back({moves_[1].from, 2});
    else
        connect(cmd_.error(), 2, error);
    if (cmd_.merges_output())
        moves_.insert(moves_.begin() + 1, {moves_[1].from, 1});
    if (cmd_.merges_error())
        merge_file(1, 2);
    if (cmd_.merges_output())
        merge_file(2, 1);
    plan_.files = files_.data();
    plan_.file_count = files_.size();
    for (auto const& [number, fd] : cmd_.descriptors())
        moves_.push_back({fd, number});
    std::sort(moves_.begin(), moves_.end(), [](auto a, auto b) { return a.to < b.to; });
    for (std::size_t i = 1; i < moves_.size(); ++i)
        if (moves_[i].to == moves_[i - 1].to)
            refuse(errc::bad_descriptor, std::to_string(moves_[i].to));
    for (std::size_t number = 0; number < outlives_exec_.size(); ++number)
        if (moves_[number].from == moves_[number].to && outlives_exec_[number])
            moves_[number].from = sys::descriptor_move::kept;
}

/// A place in the guardian's table, if there is a guardian and the child is to end with us.
sys::guard_entry launch_plan::prepare_guard()
{
    sys::guard_entry guard;
    if (cmd_.on_destroy() != lifetime::survive)
        guard =
            sys::guard_entry::for_birth(plan_.new_session || (plan_.set_group && plan_.group == 0));
    if (cgroup)
        guard.cgroup(cgroup->parent().c_str(), cgroup->number());
    guard.tree(tree_number);
    plan_.guard = guard.slot();
    return guard;
}

sys::child_handle launch_plan::launch(int (*hook)(void*) noexcept, void* hook_context)
{
    if (identity_)
        return complete(begin(hook, hook_context).wait(deadline_after(cmd_.spawn_deadline())));
    std::vector<sys::low_descriptor> lowered;
    lowered.reserve(moves_.size() + 1);
    std::vector<sys::descriptor_move> moves = moves_;
    int highest = 2;
    for (sys::descriptor_move& move : moves) {
        if (move.from < 0)
            continue;
        move.from = lowered.emplace_back(move.from).get();
        highest = std::max(highest, move.from);
    }
    if (slave_ >= 0) {
        plan_.terminal = lowered.emplace_back(slave_).get();
        highest = std::max(highest, plan_.terminal);
    }
    plan_.moves = moves.data();
    plan_.move_count = moves.size();
    plan_.shared_below = static_cast<unsigned>(highest) + 1;
    plan_.hook = hook;
    plan_.hook_context = hook_context;
    // A hook may use any descriptor of the parent's; only without one is the low part enough.
    sys::guard_entry guard = prepare_guard();
    sys::birth born = into_cgroup([&] { return sys::give_birth(plan_, hook == nullptr); });
    born.child.guard(std::move(guard)); // of a child that failed: given back
    child_ends_.clear();
    return complete(std::move(born));
}

newborn launch_plan::begin(int (*hook)(void*) noexcept, void* hook_context)
{
    plan_.moves = moves_.data();
    plan_.move_count = moves_.size();
    plan_.terminal = slave_;
    plan_.hook = hook;
    plan_.hook_context = hook_context;
    sys::guard_entry guard = prepare_guard();
    sys::begun_birth begun = into_cgroup([&] { return sys::begin_birth(plan_); });
    begun.child.guard(std::move(guard));
    child_ends_.clear(); // of which it has a copy now
    return newborn(std::move(begun));
}

sys::child_handle launch_plan::complete(sys::birth born) const
{
    if (born.failed_at != stage::none)
        throw spawn_error(born.failed_at, born.error, subject_of(born), born.failed_pid);
    return std::move(born.child);
}

std::string launch_plan::subject_of(sys::birth const& failed) const
{
    switch (failed.failed_at) {
    case stage::cgroup: return cgroup ? cgroup->path() : "";
    case stage::open_input: return cmd_.input().path();
    case stage::open_output: return cmd_.output().path();
    case stage::open_error: return cmd_.error().path();
    case stage::limits: return limits::name_of(failed.failed_detail);
    case stage::credentials: return identity_ ? identity_->user_text() : file_;
    case stage::capabilities:
        return failed.failed_detail == sys::child_report::no_detail
                   ? ""
                   : capabilities::name_of(static_cast<unsigned>(failed.failed_detail));
    case stage::directory: return cmd_.directory().value_or("");
    case stage::group: return std::to_string(cmd_.group().id());
    default: return file_;
    }
}

void launch_plan::replace_environment(char const* const* envp) noexcept
{
    plan_.envp = const_cast<char* const*>(envp);
}

void launch_plan::replace_arguments(char const* const* argv) noexcept
{
    plan_.argv = const_cast<char* const*>(argv);
}

} // namespace execasio::detail
