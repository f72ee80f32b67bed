#include "execasio/spawn.hpp"

#include "launch.hpp"
#include "orphanage.hpp"
#include "process_state.hpp"

namespace execasio {
namespace detail {

namespace {

/// What of the standard streams is on the terminal is reached by its master.
void connect_terminal(process_state& state, asio::any_io_executor const& executor,
                      command const& cmd, sys::unique_fd& master)
{
    auto const shared = std::make_shared<asio::posix::stream_descriptor>(executor);
    shared->assign(master.get());
    static_cast<void>(master.release());
    shared->non_blocking(true);
    state.terminal = pseudo_terminal(shared);
    if (cmd.input().is(stream::inherit))
        state.input = input_stream(shared);
    if ((cmd.output().is(stream::inherit) && !cmd.merges_output()) ||
        (cmd.error().is(stream::inherit) && !cmd.merges_error()))
        state.output = output_stream(shared);
}

} // namespace

std::shared_ptr<process_state> make_state(asio::any_io_executor const& executor, command const& cmd,
                                          launch_plan& plan)
{
    auto state = std::make_shared<process_state>(executor, cmd);
    if (plan.terminal)
        connect_terminal(*state, executor, cmd, plan.terminal);
    if (plan.input)
        state->input = input_stream(executor, plan.input.release());
    if (plan.output)
        state->output = output_stream(executor, plan.output.release());
    if (plan.error)
        state->error = output_stream(executor, plan.error.release());
    return state;
}

process launch(asio::any_io_executor executor, command const& cmd, launch_plan& plan,
               int (*hook)(void*) noexcept, void* hook_context)
{
    reap_orphans();
    try {
        auto state = make_state(executor, cmd, plan);
        sys::child_handle child = plan.launch(hook, hook_context);
        state->take_tree(std::move(plan.cgroup), plan.tree_number);
        state->take(std::move(child));
        return process_access::make(std::move(state));
    } catch (spawn_error const&) {
        throw;
    } catch (boost::system::system_error const& e) {
        throw spawn_error(stage::watch, e.code(), plan.file());
    }
}

} // namespace detail

process spawn(asio::any_io_executor executor, command const& cmd)
{
    detail::launch_plan plan(cmd);
    return detail::launch(std::move(executor), cmd, plan, nullptr, nullptr);
}

process spawn(asio::any_io_executor executor, command const& cmd, error_code& ec)
{
    ec = {};
    try {
        return spawn(std::move(executor), cmd);
    } catch (spawn_error const& e) {
        ec = e.code();
        return process();
    }
}

void prepare_spawning() noexcept
{
    sys::reserve_low_descriptors();
}

} // namespace execasio
