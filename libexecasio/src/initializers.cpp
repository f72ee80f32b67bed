#include "execasio/initializers.hpp"

#include "launch.hpp"

#include <cerrno>

namespace execasio::detail {
namespace {

struct hook_call {
    initializer_hooks& hooks;
    initializer_launcher& launcher;
    initializer_launcher::path const& file;
    initializer_launcher::arguments& argv;
};

/// In the child.
int call_hooks(void* context) noexcept
{
    auto const& call = *static_cast<hook_call*>(context);
    error_code const ec = call.hooks.in_child(call.launcher, call.file, call.argv);
    // One that does not say why must not pass for success.
    return !ec ? 0 : ec.value() != 0 ? ec.value() : EINVAL;
}

} // namespace

process spawn_with_hooks(asio::any_io_executor executor, command const& cmd,
                         initializer_hooks& hooks)
{
    launch_plan plan(cmd);
    initializer_launcher launcher;
    launcher.env = plan.environment();
    initializer_launcher::path const file(plan.file());
    initializer_launcher::arguments argv = plan.arguments();
    if (error_code const ec = hooks.setup(launcher, file, argv)) {
        hooks.failed(launcher, file, argv, ec);
        throw spawn_error(stage::initializer, ec, plan.file());
    }
    plan.replace_environment(launcher.env);
    plan.replace_arguments(argv);
    hook_call call{hooks, launcher, file, argv};
    try {
        process p = launch(std::move(executor), cmd, plan, call_hooks, &call);
        launcher.pid = p.id();
        hooks.succeeded(launcher, file, argv);
        return p;
    } catch (spawn_error const& e) {
        hooks.failed(launcher, file, argv, e.code());
        throw;
    }
}

} // namespace execasio::detail
