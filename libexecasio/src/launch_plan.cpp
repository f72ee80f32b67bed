#include "launch_plan.hpp"

#include "linux/capability_calls.hpp"
#include "linux/last_error.hpp"
#include "readiness.hpp"

#include <algorithm>
#include <csignal>

#include <sys/prctl.h>
#include <unistd.h>

namespace execasio::detail {

launch_plan::launch_plan(command const& cmd) : cmd_(cmd)
{
    check();
    child_ends_.reserve(4); // a descriptor just opened must not be lost for want of memory
    for (std::string const& word : cmd.arguments())
        argv_.push_back(const_cast<char*>(word.c_str())); // execve takes them so, and only reads
    argv_.push_back(nullptr);
    plan_.argv = argv_.data();
    if (cmd.changes_identity() || drops_what_others_could_use())
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

/// See `sys::drop_capabilities`: the child has to have a memory of its own then.
bool launch_plan::drops_what_others_could_use() const
{
    return cmd_.drops_capabilities() && ::prctl(PR_GET_DUMPABLE) == 1 &&
           sys::permitted_capabilities() != 0;
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

void launch_plan::refuse(errc why, std::string const& subject)
{
    throw spawn_error(stage::command, make_error_code(why), subject);
}

void launch_plan::check() const
{
    auto const check_text = [](std::string const& text) {
        if (auto const at = text.find('\0'); at != std::string::npos)
            refuse(errc::embedded_nul, text.substr(0, at));
    };
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
    plan_.drop_capabilities = cmd_.drops_capabilities() && !cmd_.capabilities();
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
