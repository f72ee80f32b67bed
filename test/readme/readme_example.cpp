#include <execasio/execasio.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <exception>
#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<void> run_job()
{
    auto const ex = co_await asio::this_coro::executor;

    // A job that counts, and does not want to end.
    execasio::command cmd = execasio::command::shell(
        "trap 'echo not yet' TERM; n=0; while :; do echo $((n=n+1)); sleep 0.1; done");
    cmd.output(execasio::stream::pipe).group(execasio::process_group::create());
    execasio::process job = execasio::spawn(ex, cmd); // throws spawn_error: which step, and why

    // SIGTERM, half a second later SIGKILL, both to the job and its descendants.
    auto const plan = execasio::stop_plan().grace(500ms).target(execasio::stop_target::group);

    while (auto line = co_await job.output().read_line()) { // as it is printed
        std::cout << *line << std::endl;
        if (*line == "3")
            execasio::request_stop(job, plan); // carried out while we go on reading
    }

    execasio::exit_record const how = co_await job.wait();
    auto const cpu = how.user_time() + how.system_time();
    std::cout << "ended by " << execasio::describe(how) << " in stage " << how.stop_stage().value()
              << " of the plan\nafter " << how.wall_time() / 1ms << " ms, " << cpu / 1us
              << " us of CPU, peak memory " << how.peak_memory() / 1024 << " KiB\n";
}

int main()
{
    asio::io_context context;
    asio::co_spawn(context, run_job(), [](std::exception_ptr e) {
        if (e)
            std::rethrow_exception(e);
    });
    context.run();
}
