#include "execasio/spawn.hpp"

#include "launch.hpp"
#include "orphanage.hpp"
#include "process_state.hpp"

namespace execasio {
namespace detail {

process launch(asio::any_io_executor executor, command const& cmd, launch_plan& plan,
               int (*hook)(void*) noexcept, void* hook_context)
{
    reap_orphans();
    try {
        auto state = std::make_shared<process_state>(executor, cmd);
        if (plan.input)
            state->input = input_stream(executor, plan.input.get());
        static_cast<void>(plan.input.release());
        if (plan.output)
            state->output = output_stream(executor, plan.output.get());
        static_cast<void>(plan.output.release());
        if (plan.error)
            state->error = output_stream(executor, plan.error.get());
        static_cast<void>(plan.error.release());
        sys::child_handle child = plan.launch(hook, hook_context);
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
