#pragma once

#include "execasio/capabilities.hpp"
#include "execasio/credentials.hpp"
#include "execasio/pseudo_terminal.hpp"
#include "execasio/resource_limits.hpp"
#include "execasio/stream.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace execasio {

class cgroup;
class stop_plan;

/// The process group that a child starts in (setpgid(2)).
class process_group {
public:
    /// The parent's own group: a terminal's Ctrl-C reaches parent and child alike.
    static process_group inherit() noexcept { return process_group(-1); }
    /// A new group of which the child is the leader: one signal reaches it and its descendants.
    static process_group create() noexcept { return process_group(0); }
    /// An existing group of the same session.
    static process_group join(pid_t group) noexcept { return process_group(group); }

    [[nodiscard]] bool is_inherited() const noexcept { return id_ == -1; }
    [[nodiscard]] pid_t id() const noexcept { return id_; } ///< for setpgid(2); 0 = the child's own

private:
    explicit process_group(pid_t id) noexcept : id_(id) {}
    pid_t id_;
};

/// What becomes of a child whose `process` object is destroyed while it runs.
enum class lifetime {
    kill,    ///< SIGKILL at once; reaped in the background, never blocking
    detach,  ///< it goes on; once it has ended it is reaped at the next launch or exit of another
    survive, ///< as detach, and meant to outlive this program
};

/// Describes a program to be run: what, with which arguments, environment, directory, streams.
///
/// A value: it may be copied, kept and spawned any number of times. Setters change the object and
/// return it, so that they can be chained. Nothing is checked, opened or looked up before `spawn`.
///
/// Everything that is not mentioned is inherited from the parent, with two exceptions that no
/// program should inherit by accident: descriptors above 2 are closed, and signals are neither
/// blocked nor ignored in the child. (Of the real-time signals, those are taken care of that this
/// program ignored when it launched its first child.)
///
/// @par Thread safety
/// As any value: concurrent use of one object only for reading.
class command {
public:
    struct variable {
        std::string name;
        std::optional<std::string> value; ///< nullopt: unset
    };
    struct passed_descriptor {
        int number; ///< in the child
        int fd;     ///< in the parent
    };

    command() = default;

    /// A program and its arguments. A name without '/' is searched in PATH (see `search_path`).
    template <class... Arguments>
    explicit command(std::string program, Arguments&&... arguments)
    {
        arguments_.reserve(1 + sizeof...(arguments));
        arguments_.push_back(std::move(program));
        (arguments_.emplace_back(std::forward<Arguments>(arguments)), ...);
    }

    /// As above; the first element is the program.
    explicit command(std::vector<std::string> words) : arguments_(std::move(words)) {}

    /// A line for a shell, run as `shell -c line`. Quoting is the caller's: prefer a list of
    /// arguments for anything that holds data from outside.
    static command shell(std::string line, std::string shell = "/bin/sh");

    command& argument(std::string word);

    /// The file to execute, exactly (no search), in place of the first argument; which then only
    /// is what the child sees as argv[0].
    command& executable(std::string file);

    /// Whether a program name without '/' is searched in PATH (default), as execvp(3) does: in the
    /// PATH of the child's environment; directories that are not absolute count from the child's
    /// working directory. When false such a name is a file in the child's working directory.
    command& search_path(bool on);

    command& environment(std::string name, std::string value); ///< sets one variable
    command& unset_environment(std::string name);              ///< removes one variable
    command& clear_environment(); ///< starts from nothing; also drops what was set before

    /// The child's working directory; relative to the parent's.
    command& directory(std::string path);

    command& input(stream s);
    command& output(stream s);
    command& error(stream s);
    command& merge_error();  ///< standard error goes where standard output goes
    command& merge_output(); ///< standard output goes where standard error goes

    /// Passes an open descriptor (which stays the caller's) as `number` (3 or more) of the child.
    command& descriptor(int number, int fd);

    command& group(process_group g);

    /// A signal for the child's whole process group at the moment the child has ended and before it
    /// is reaped (so that the number cannot mean another group): descendants that it left behind.
    /// Only for a child that leads its group. 0 (default): none.
    command& group_signal_at_exit(int signal);

    /// A stop plan for what the child leaves behind when it has ended, whose target is its group or
    /// its tree: it goes on through its stages until nobody is left. Begun before the child is
    /// reaped; not if a stop plan with that target is under way that has sent a signal already.
    /// `stop` and `supervisor::shutdown` await its end, too. Takes the place of
    /// `group_signal_at_exit`. (Include stop_plan.hpp to call it.)
    command& at_exit(stop_plan plan);

    /// Has the child born into a cgroup of its own. (Include cgroup.hpp to call it.)
    command& cgroup(execasio::cgroup options);

    /// Puts a mark into the child's environment (EXECASIO_TREE) by which `stop_target::tree` finds
    /// descendants that have left its session and lost their parents, where it has no cgroup.
    command& track_tree(bool on = true);

    /// Gives the child a pseudo terminal of its own, as its controlling terminal, in a session and
    /// group of its own. Standard streams that are left inherited (the default) are on the
    /// terminal: `process::input` and `process::output` are its master side, and everything that
    /// arrives is output. Others stay what they are: `error(stream::pipe)` keeps standard error
    /// apart, on a pipe.
    command& terminal(terminal_options options);

    command& new_session(); ///< setsid(2): no controlling terminal, a group of its own
    command& umask(mode_t mask);
    command& nice(int priority); ///< -20 (first) to 19 (last), setpriority(2); clamped there

    command& limits(resource_limits l); ///< see `resource_limits`; the last call counts

    /// Runs it as somebody else; see `credentials`. Such a launch, and one with `capabilities`,
    /// `ambient_capabilities`, `bounding_set` or `securebits`, changes the child's identity: the
    /// child is born with a copy of this program's memory (which takes as long as fork(2) does),
    /// since in shared memory it would clear this program's dumpable flag, and its new user could
    /// hold this program up.
    ///
    /// Files for the standard streams are opened, and `directory` is entered, as that user; the
    /// PATH search and `limits` come before, with the rights of this program. A pseudo terminal is
    /// given to the new user.
    command& credentials(execasio::credentials c);

    /// The child has exactly these capabilities, after exec too: permitted, effective, inheritable
    /// and ambient (Linux 4.3). This program must hold them: EPERM at `stage::capabilities`
    /// otherwise. A child with user number 0 gets SECBIT_NOROOT in addition (needs CAP_SETPCAP), as
    /// exec would give it all others as well. Programs with the set-user-ID bit or with
    /// capabilities of their own are started without the ambient ones.
    command& capabilities(execasio::capabilities set);

    /// The same, but a child with user number 0 keeps what exec gives it, usually all that there
    /// are: these are inheritable and ambient in addition. The last call of either counts.
    command& ambient_capabilities(execasio::capabilities set);

    /// The child gives up all capabilities before it enters its directory and executes its program:
    /// for a program that holds some and is not root. Those that are inheritable or ambient go as
    /// well; what the executed file gives (capabilities(7), set-user-ID) it still gets. The two
    /// above go before this. It takes no memory of the child's own if this program is not dumpable
    /// (PR_SET_DUMPABLE); if it is, other processes of its user could get at it through the child.
    command& drop_capabilities();

    /// No program that the child or a descendant executes can ever get any others than these: they
    /// are dropped from the bounding set. Needs CAP_SETPCAP if there is one to drop.
    command& bounding_set(execasio::capabilities set);

    /// prctl(2)'s SECBIT_ flags, as in capabilities(7). Needs CAP_SETPCAP if they change.
    command& securebits(unsigned flags);

    /// Set-user-ID bits and file capabilities have no effect in the child (PR_SET_NO_NEW_PRIVS).
    command& no_new_privileges();

    /// The child gets this signal when the *thread* that spawns it ends (PR_SET_PDEATHSIG): give
    /// spawning to one that lives as long as the program. A second line, for the case that the
    /// program dies: the kernel forgets it when the child executes a set-user-ID program. 0: none.
    command& parent_death_signal(int signal);

    /// How long a child that changes its identity may take to reach exec (its new user can stop
    /// it); then it is killed, and the launch fails with ETIMEDOUT at the stage reached. Default:
    /// 10 s. Others are waited for as long as the kernel takes to read the program.
    command& spawn_deadline(std::chrono::milliseconds limit);

    command& inherit_signal_mask();     ///< keep the spawning thread's blocked signals
    command& inherit_ignored_signals(); ///< what the parent ignores stays ignored

    command& on_destroy(lifetime policy); ///< see `lifetime`; default: kill

    // What was set; for the launcher and for messages.
    [[nodiscard]] std::vector<std::string> const& arguments() const noexcept { return arguments_; }
    [[nodiscard]] std::optional<std::string> const& executable() const noexcept { return file_; }
    [[nodiscard]] bool searches_path() const noexcept { return search_path_; }
    [[nodiscard]] bool clears_environment() const noexcept { return clear_environment_; }
    [[nodiscard]] std::vector<variable> const& variables() const noexcept { return variables_; }
    [[nodiscard]] std::optional<std::string> const& directory() const noexcept
    {
        return directory_;
    }
    [[nodiscard]] stream const& input() const noexcept { return input_; }
    [[nodiscard]] stream const& output() const noexcept { return output_; }
    [[nodiscard]] stream const& error() const noexcept { return error_; }
    [[nodiscard]] bool merges_error() const noexcept { return merge_error_; }
    [[nodiscard]] bool merges_output() const noexcept { return merge_output_; }
    [[nodiscard]] std::vector<passed_descriptor> const& descriptors() const noexcept
    {
        return descriptors_;
    }
    [[nodiscard]] process_group group() const noexcept { return group_; }
    [[nodiscard]] int group_signal_at_exit() const noexcept { return group_signal_at_exit_; }
    [[nodiscard]] std::shared_ptr<stop_plan const> const& at_exit() const noexcept
    {
        return at_exit_;
    }
    [[nodiscard]] std::shared_ptr<execasio::cgroup const> const& cgroup() const noexcept
    {
        return cgroup_;
    }
    [[nodiscard]] bool tracks_tree() const noexcept { return track_tree_; }
    [[nodiscard]] std::optional<terminal_options> const& terminal() const noexcept
    {
        return terminal_;
    }
    [[nodiscard]] bool starts_session() const noexcept { return new_session_ || terminal_; }
    [[nodiscard]] std::optional<mode_t> umask() const noexcept { return umask_; }
    [[nodiscard]] std::optional<int> nice() const noexcept { return nice_; }
    [[nodiscard]] std::optional<resource_limits> const& limits() const noexcept { return limits_; }
    [[nodiscard]] std::optional<execasio::credentials> const& credentials() const noexcept
    {
        return credentials_;
    }
    [[nodiscard]] std::optional<execasio::capabilities> const& capabilities() const noexcept
    {
        return capabilities_;
    }
    [[nodiscard]] bool drops_capabilities() const noexcept { return drop_capabilities_; }
    [[nodiscard]] bool root_keeps_all() const noexcept { return root_keeps_all_; }
    [[nodiscard]] std::optional<execasio::capabilities> const& bounding_set() const noexcept
    {
        return bounding_set_;
    }
    [[nodiscard]] std::optional<unsigned> securebits() const noexcept { return securebits_; }
    /// Whether the child is born with a copy of this program's memory.
    [[nodiscard]] bool changes_identity() const noexcept
    {
        return credentials_ || capabilities_ || bounding_set_ || securebits_;
    }
    [[nodiscard]] bool has_no_new_privileges() const noexcept { return no_new_privileges_; }
    [[nodiscard]] int parent_death_signal() const noexcept { return parent_death_signal_; }
    [[nodiscard]] std::chrono::milliseconds spawn_deadline() const noexcept
    {
        return spawn_deadline_;
    }
    [[nodiscard]] bool inherits_signal_mask() const noexcept { return inherit_mask_; }
    [[nodiscard]] bool inherits_ignored_signals() const noexcept { return inherit_ignored_; }
    [[nodiscard]] lifetime on_destroy() const noexcept { return on_destroy_; }

private:
    std::vector<std::string> arguments_;
    std::optional<std::string> file_;
    std::vector<variable> variables_;
    std::optional<std::string> directory_;
    stream input_ = stream::inherit;
    stream output_ = stream::inherit;
    stream error_ = stream::inherit;
    std::vector<passed_descriptor> descriptors_;
    process_group group_ = process_group::inherit();
    int group_signal_at_exit_ = 0;
    std::shared_ptr<stop_plan const> at_exit_; // shared by copies: nobody changes it
    std::shared_ptr<execasio::cgroup const> cgroup_;
    std::optional<terminal_options> terminal_;
    std::optional<mode_t> umask_;
    std::optional<int> nice_;
    std::optional<resource_limits> limits_;
    std::optional<execasio::credentials> credentials_;
    std::optional<execasio::capabilities> capabilities_;
    std::optional<execasio::capabilities> bounding_set_;
    std::optional<unsigned> securebits_;
    std::chrono::milliseconds spawn_deadline_{10'000};
    int parent_death_signal_ = 0;
    bool drop_capabilities_ = false;
    bool root_keeps_all_ = false;
    bool no_new_privileges_ = false;
    lifetime on_destroy_ = lifetime::kill;
    bool search_path_ = true;
    bool clear_environment_ = false;
    bool merge_error_ = false;
    bool merge_output_ = false;
    bool new_session_ = false;
    bool track_tree_ = false;
    bool inherit_mask_ = false;
    bool inherit_ignored_ = false;
};

} // namespace execasio
