#include "bench/launcher.hpp"

#include "bench/affinity.hpp"

#include <execasio/resource_limits.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <optional>

#include <signal.h>

namespace execasio_tool::bench {
namespace {

asio::awaitable<void> drop_output(execasio::output_stream stream)
{
    std::vector<char> buffer(64 * 1024);
    std::size_t size = 1;
    while (size != 0)
        size = co_await stream.read_some(asio::buffer(buffer));
}

execasio::stream input_stream_of(std::string const& input)
{
    return input == "null" ? execasio::stream(execasio::stream::null)
                           : execasio::stream::read(input);
}

execasio::stream output_stream_of(std::string const& output)
{
    if (output == "null")
        return execasio::stream::null;
    if (output == "pipe")
        return execasio::stream::pipe;
    if (output == "inherit")
        return execasio::stream::inherit;
    return execasio::stream::truncate(output);
}

asio::awaitable<execasio::exit_record> await_end(std::shared_ptr<execasio::process> child,
                                                 interrupts& watching)
{
    execasio::output_stream output = child->output();
    if (output.is_open())
        // An error of reading closes the pipe, which the command then gets to know.
        asio::co_spawn(child->get_executor(), drop_output(output),
                       [own = output](std::exception_ptr) mutable { own.close(); });
    watching.watch(child);
    execasio::exit_record const how = co_await child->wait();
    watching.forget();
    output.close(); // a descendant that left the group may hold it open for ever
    co_return how;
}

} // namespace

launcher::launcher(settings const& s, interrupts& i) : settings_(s), interrupts_(i)
{
    if (!s.cpus.empty())
        keep_off(s.cpus);
}

execasio::command launcher::measured(std::vector<std::string> words) const
{
    execasio::command cmd(std::move(words));
    cmd.input(input_stream_of(settings_.input)).output(output_stream_of(settings_.output));
    if (settings_.output == "inherit")
        cmd.error(execasio::stream::inherit);
    else
        cmd.merge_error();
    if (!settings_.cpus.empty())
        cmd.limits(execasio::resource_limits().cpus(settings_.cpus));
    // What a run leaves behind would use the CPU of the next one.
    cmd.group(execasio::process_group::create()).group_signal_at_exit(SIGKILL);
    return cmd;
}

execasio::command launcher::helper(std::string const& line) const
{
    std::vector<std::string> words = settings_.shell;
    if (words.empty())
        words = {"/bin/sh", "-c"};
    words.push_back(line);
    execasio::command cmd(std::move(words));
    cmd.input(execasio::stream::null).output(execasio::stream::null);
    // It may well leave something behind: a server that the runs are to talk to.
    cmd.group(execasio::process_group::create());
    return cmd;
}

asio::awaitable<execasio::exit_record> launcher::run_measured(execasio::command const& cmd)
{
    auto const executor = co_await asio::this_coro::executor;
    auto const child = std::make_shared<execasio::process>(execasio::spawn(executor, cmd));
    asio::steady_timer limit(executor);
    if (settings_.time_limit) {
        limit.expires_after(*settings_.time_limit);
        limit.async_wait([child, this](execasio::error_code ec) {
            if (!ec)
                execasio::request_stop(*child, settings_.plan, execasio::end_cause::time_limit);
        });
    }
    execasio::exit_record const how = co_await await_end(child, interrupts_);
    co_return how;
}

asio::awaitable<execasio::exit_record> launcher::run_helper(execasio::command const& cmd)
{
    auto const executor = co_await asio::this_coro::executor;
    auto const child = std::make_shared<execasio::process>(execasio::spawn(executor, cmd));
    execasio::exit_record const how = co_await await_end(child, interrupts_);
    co_return how;
}

} // namespace execasio_tool::bench
