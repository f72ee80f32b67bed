#include "execasio/run.hpp"

#include "capture.hpp"
#include "execasio/spawn.hpp"
#include "execasio/stop.hpp"
#include "readiness.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <exception>

namespace execasio {
namespace {

/// What goes on beside the process itself: both streams are read, the input is written. Shared with
/// the coroutines that do it, which may see the end of `run` when it is cancelled.
struct side_work {
    explicit side_work(asio::any_io_executor executor)
        : done(std::move(executor), asio::steady_timer::time_point::max())
    {
    }

    void finished(bool& ended) noexcept
    {
        ended = true;
        if (--readers == 0)
            done.cancel();
    }

    asio::steady_timer done; // cancelled when both streams have ended
    captured output;
    captured error;
    bool output_ended = true;
    bool error_ended = true;
    std::exception_ptr failure; // of a reader
    std::size_t limit = 0;
    unsigned readers = 0;
};

asio::awaitable<void> read_to_end(std::shared_ptr<side_work> work, output_stream stream,
                                  captured& into)
{
    std::array<char, 64 * 1024> buffer;
    for (;;) {
        std::size_t const size = co_await stream.read_some(asio::buffer(buffer));
        if (size == 0)
            co_return;
        detail::keep(into, buffer.data(), size, work->limit);
    }
}

void start_reading(std::shared_ptr<side_work> const& work, output_stream const& stream,
                   captured& into, bool& ended)
{
    if (!stream.is_open())
        return;
    ++work->readers;
    ended = false;
    asio::co_spawn(stream.get_executor(), read_to_end(work, stream, into),
                   [work, own = output_stream(stream), &ended](std::exception_ptr failure) mutable {
                       if (failure) { // out of memory: the child must not wait for a reader
                           work->failure = failure;
                           own.close();
                       }
                       work->finished(ended);
                   });
}

asio::awaitable<void> write_input(input_stream stream, std::string text)
{
    co_await stream.write(asio::buffer(text));
    co_await stream.finish();
}

asio::awaitable<void> wait_for_streams(std::shared_ptr<side_work> work, run_options::duration time)
{
    if (work->readers == 0 || time == time.zero())
        co_return;
    work->done.expires_at(detail::deadline_after(time));
    error_code ignored;
    co_await work->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    asio::cancellation_state const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted, "run");
}

asio::awaitable<run_result> run_process(process p, run_options options)
{
    auto const executor = p.get_executor();
    auto const work = std::make_shared<side_work>(executor);
    work->limit = options.output_limit();
    output_stream output = p.output();
    output_stream error = p.error();
    // However this ends: those who read beside must not go on for as long as a descendant writes.
    struct closing {
        output_stream& output;
        output_stream& error;
        input_stream input;
        ~closing()
        {
            output.close();
            error.close();
            input.close();
        }
    } const close_streams{output, error, p.input()};
    start_reading(work, output, work->output, work->output_ended);
    start_reading(work, error, work->error, work->error_ended);
    if (options.input())
        // A child that does not read its input to the end is no failure of the run.
        asio::co_spawn(executor, write_input(p.input(), *options.input()),
                       [](std::exception_ptr) {});

    guard(p, options.guards(), options.stop());

    run_result result;
    result.how = co_await p.wait();
    if (p.stopping()) // until nobody is left of its group or tree, either
        co_await stop(p);
    co_await wait_for_streams(work, options.drain().time());
    if (work->failure)
        std::rethrow_exception(work->failure);
    if (!work->output_ended)
        detail::settle(output, work->output, options.drain(), work->limit);
    if (!work->error_ended)
        detail::settle(error, work->error, options.drain(), work->limit);
    result.output = std::move(work->output);
    result.error = std::move(work->error);
    co_return result;
}

asio::awaitable<run_result> prepare_and_run(command cmd, run_options options)
{
    if (!cmd.terminal()) { // whose streams go to its other side
        if (cmd.output().is(stream::inherit) && !cmd.merges_output())
            cmd.output(stream::pipe);
        if (cmd.error().is(stream::inherit) && !cmd.merges_error())
            cmd.error(stream::pipe);
        if (options.input())
            cmd.input(stream::pipe);
        else if (cmd.input().is(stream::inherit))
            cmd.input(stream::null);
    }
    auto const executor = co_await asio::this_coro::executor;
    process p;
    if (cmd.changes_identity()) // which may take its time
        p = co_await async_spawn(executor, std::move(cmd), asio::use_awaitable);
    else
        p = spawn(executor, cmd);
    co_return co_await run_process(std::move(p), std::move(options));
}

} // namespace

asio::awaitable<run_result> run(command cmd, run_options options)
{
    return prepare_and_run(std::move(cmd), std::move(options));
}

} // namespace execasio
