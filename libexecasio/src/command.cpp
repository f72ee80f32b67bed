#include "execasio/command.hpp"

#include "execasio/cgroup.hpp"
#include "execasio/stop_plan.hpp"

namespace execasio {

command command::shell(std::string line, std::string shell)
{
    return command(std::move(shell), "-c", std::move(line));
}

command& command::argument(std::string word)
{
    arguments_.push_back(std::move(word));
    return *this;
}

command& command::executable(std::string file)
{
    file_ = std::move(file);
    return *this;
}

command& command::search_path(bool on)
{
    search_path_ = on;
    return *this;
}

command& command::environment(std::string name, std::string value)
{
    variables_.push_back({std::move(name), std::move(value)});
    return *this;
}

command& command::unset_environment(std::string name)
{
    variables_.push_back({std::move(name), std::nullopt});
    return *this;
}

command& command::clear_environment()
{
    variables_.clear();
    clear_environment_ = true;
    return *this;
}

command& command::directory(std::string path)
{
    directory_ = std::move(path);
    return *this;
}

command& command::input(stream s)
{
    input_ = std::move(s);
    return *this;
}

command& command::output(stream s)
{
    output_ = std::move(s);
    merge_output_ = false;
    return *this;
}

command& command::error(stream s)
{
    error_ = std::move(s);
    merge_error_ = false;
    return *this;
}

command& command::merge_error()
{
    merge_error_ = true;
    return *this;
}

command& command::merge_output()
{
    merge_output_ = true;
    return *this;
}

command& command::descriptor(int number, int fd)
{
    descriptors_.push_back({number, fd});
    return *this;
}

command& command::group(process_group g)
{
    group_ = g;
    return *this;
}

command& command::group_signal_at_exit(int signal)
{
    group_signal_at_exit_ = signal;
    return *this;
}

command& command::at_exit(stop_plan plan)
{
    at_exit_ = std::make_shared<stop_plan const>(std::move(plan));
    return *this;
}

command& command::cgroup(execasio::cgroup options)
{
    cgroup_ = std::make_shared<execasio::cgroup const>(std::move(options));
    return *this;
}

command& command::track_tree(bool on)
{
    track_tree_ = on;
    return *this;
}

command& command::terminal(terminal_options options)
{
    terminal_ = std::move(options);
    return *this;
}

command& command::new_session()
{
    new_session_ = true;
    return *this;
}

command& command::umask(mode_t mask)
{
    umask_ = mask;
    return *this;
}

command& command::nice(int priority)
{
    nice_ = priority;
    return *this;
}

command& command::limits(resource_limits l)
{
    limits_ = std::move(l);
    return *this;
}

command& command::credentials(execasio::credentials c)
{
    credentials_ = std::move(c);
    return *this;
}

command& command::capabilities(execasio::capabilities set)
{
    capabilities_ = set;
    root_keeps_all_ = false;
    return *this;
}

command& command::ambient_capabilities(execasio::capabilities set)
{
    capabilities_ = set;
    root_keeps_all_ = true;
    return *this;
}

command& command::bounding_set(execasio::capabilities set)
{
    bounding_set_ = set;
    return *this;
}

command& command::securebits(unsigned flags)
{
    securebits_ = flags;
    return *this;
}

command& command::drop_capabilities()
{
    drop_capabilities_ = true;
    return *this;
}

command& command::no_new_privileges()
{
    no_new_privileges_ = true;
    return *this;
}

command& command::parent_death_signal(int signal)
{
    parent_death_signal_ = signal;
    return *this;
}

command& command::spawn_deadline(std::chrono::milliseconds limit)
{
    spawn_deadline_ = limit;
    return *this;
}

command& command::inherit_signal_mask()
{
    inherit_mask_ = true;
    return *this;
}

command& command::inherit_ignored_signals()
{
    inherit_ignored_ = true;
    return *this;
}

command& command::on_destroy(lifetime policy)
{
    on_destroy_ = policy;
    return *this;
}

} // namespace execasio
