#include "execasio/ready.hpp"

#include "linux/last_error.hpp"
#include "output_stream_access.hpp"
#include "process_state.hpp"
#include "readiness.hpp"
#include "ready_watch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace execasio {

readiness readiness::line(std::string text)
{
    return line([text = std::move(text)](std::string_view l) {
        return l.find(text) != std::string_view::npos;
    });
}

readiness readiness::line(line_predicate matches)
{
    readiness r(kind::line);
    r.matches_ = std::move(matches);
    return r;
}

readiness& readiness::on_error() noexcept
{
    on_error_ = true;
    return *this;
}

readiness readiness::descriptor(command& cmd, int number)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw boost::system::system_error(sys::last_error(), "readiness");
    notification made{sys::unique_fd(ends[0]), sys::unique_fd(ends[1])};
    readiness r(kind::descriptor);
    r.notification_ = std::make_shared<notification const>(std::move(made));
    cmd.descriptor(number, r.notification_->writer.get());
    return r;
}

readiness readiness::port(std::uint16_t number) noexcept
{
    readiness r(kind::port);
    r.port_ = number;
    return r;
}

readiness readiness::unix_socket(std::string path)
{
    static_cast<void>(asio::local::stream_protocol::endpoint(path)); // whether it fits
    readiness r(kind::unix_socket);
    r.path_ = std::move(path);
    return r;
}

namespace {

/// What `ready` waits for, shared with those who tell it, who may see its end.
struct progress {
    explicit progress(asio::any_io_executor executor) : changed(std::move(executor)) {}

    asio::steady_timer changed; // expires at the deadline, cancelled at any news
    asio::cancellation_signal stop_waiting;
    error_code failure;
    bool ready = false;
    bool over = false;
};

/// Reads ahead until the watcher of the lines has seen enough. Nothing is read between the end of
/// `ready` and its own, so that the next reader has the stream to itself.
asio::awaitable<void> look_for_line(std::shared_ptr<progress> work, output_stream stream)
{
    while (!work->over) {
        co_await output_stream_access::wait_for_more(stream);
        if (work->over)
            co_return;
        error_code ec;
        std::size_t const size = output_stream_access::read_ahead(stream, ec);
        if (ec == asio::error::would_block)
            continue;
        if (!ec && size == 0)
            ec = errc::not_ready;
        else if (!ec && stream.buffered() > output_stream::default_line_max)
            ec = errc::output_too_long;
        if (!ec)
            continue;
        // After the watcher's own news, which is on its way if this was the line.
        work->failure = ec;
        asio::post(stream.get_executor(), [work] { work->changed.cancel(); });
        co_return;
    }
}

asio::awaitable<void> wait_until_ready(std::shared_ptr<detail::process_state> state, readiness how,
                                       std::chrono::milliseconds within)
{
    if (!state)
        throw boost::system::system_error(errc::no_process);
    auto const executor = state->executor();
    auto const work = std::make_shared<progress>(executor);
    work->changed.expires_at(detail::deadline_after(within));
    output_stream stream = detail::ready_watch::stream_of(*state, how);
    auto const watch = std::make_shared<detail::ready_watch>(*state, std::move(how), [work] {
        work->ready = true;
        work->changed.cancel();
    });
    watch->start();
    struct ending {
        detail::ready_watch& watch;
        progress& work;
        output_stream& stream;
        ~ending()
        {
            watch.stop();
            work.over = true;
            work.stop_waiting.emit(asio::cancellation_type::terminal);
            stream.cancel(); // only of our own: one read at a time
        }
    } const end{*watch, *work, stream};

    auto ended = [work](error_code ec, exit_record const&) {
        if (ec == asio::error::operation_aborted)
            return;
        work->failure = errc::not_ready;
        work->changed.cancel();
    };
    auto token = asio::bind_cancellation_slot(work->stop_waiting.slot(), ended);
    asio::async_compose<decltype(token), void(error_code, exit_record)>(
        detail::exit_wait_operation(state), token, executor);
    if (stream.is_open())
        asio::co_spawn(executor, look_for_line(work, stream), [work](std::exception_ptr e) {
            if (!e || work->over)
                return;
            try {
                std::rethrow_exception(e);
            } catch (boost::system::system_error const& failure) {
                work->failure = failure.code();
            } catch (std::exception const&) {
                work->failure = make_error_code(boost::system::errc::not_enough_memory);
            }
            work->changed.cancel();
        });

    error_code woken = asio::error::operation_aborted;
    while (!work->ready && !work->failure && woken) {
        co_await work->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
        asio::cancellation_state const cancelled = co_await asio::this_coro::cancellation_state;
        if (cancelled.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted, "ready");
    }
    if (work->ready)
        co_return;
    throw boost::system::system_error(
        work->failure ? work->failure : make_error_code(asio::error::timed_out), "ready");
}

} // namespace

asio::awaitable<void> ready(process& p, readiness how, std::chrono::milliseconds within)
{
    return wait_until_ready(process_access::state(p), std::move(how), within);
}

} // namespace execasio
