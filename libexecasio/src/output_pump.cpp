#include "execasio/output_pump.hpp"

#include "output_stream_access.hpp"
#include "raise_flag.hpp"
#include "readiness.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace execasio {

struct output_pump::impl : std::enable_shared_from_this<impl> {
    impl(output_stream s, data_handler d, end_handler e, std::size_t c)
        : stream(std::move(s)),
          on_data(std::make_shared<data_handler const>(std::move(d))),
          on_end(std::move(e)),
          credit(c)
    {
    }

    [[nodiscard]] bool may_read() const noexcept { return !stopped && !paused && credit != 0; }

    void start()
    {
        if (running || !may_read())
            return;
        detail::raise_flag(running, [this] {
            asio::co_spawn(stream.get_executor(), run(shared_from_this()),
                           [self = shared_from_this()](std::exception_ptr e) {
                               if (!e)
                                   return;
                               self->running = false;
                               self->stop();
                               std::rethrow_exception(e); // a handler's own
                           });
        });
    }

    /// Ends when it may not read, so that nothing is pending then; is started again.
    static asio::awaitable<void> run(std::shared_ptr<impl> self)
    {
        // Never from within the call that gave credit, which may be a handler's own.
        co_await asio::post(self->stream.get_executor(), asio::use_awaitable);
        std::array<char, 64 * 1024> buffer;
        detail::fairness loop;
        while (self->may_read()) {
            if (loop.spent()) {
                loop.reset();
                co_await asio::post(self->stream.get_executor(), asio::use_awaitable);
                continue;
            }
            error_code ec;
            std::size_t const size = self->stream.try_read(
                asio::buffer(buffer, std::min(buffer.size(), self->credit)), ec);
            if (ec == asio::error::would_block) {
                loop.reset();
                unsigned const before = self->interruptions;
                ec = co_await more(self);
                // Whether it may still read is to be asked again.
                if (!ec || before != self->interruptions)
                    continue;
            }
            if (ec || size == 0) {
                self->end(ec);
                break;
            }
            loop.count(size);
            if (self->credit != unlimited)
                self->credit -= size;
            auto const handler = self->on_data; // it may destroy the pump
            (*handler)({buffer.data(), size});
        }
        self->running = false;
    }

    /// Waits for data, unless it is interrupted.
    static asio::awaitable<error_code> more(std::shared_ptr<impl> self)
    {
        try {
            co_await output_stream_access::wait_for_more(self->stream);
        } catch (boost::system::system_error const& e) {
            co_return e.code();
        }
        co_return error_code();
    }

    void end(error_code ec)
    {
        if (stopped)
            return;
        stopped = true;
        auto const handler = std::exchange(on_end, nullptr);
        on_data = nullptr;
        if (handler)
            handler(ec);
    }

    void stop() noexcept
    {
        if (stopped)
            return;
        stopped = true;
        on_data = nullptr;
        on_end = nullptr;
        interrupt();
    }

    void interrupt() noexcept
    {
        if (!running)
            return;
        ++interruptions;
        stream.cancel();
    }

    output_stream stream;
    std::shared_ptr<data_handler const> on_data;
    end_handler on_end;
    std::size_t credit;
    unsigned interruptions = 0;
    bool paused = false;
    bool stopped = false;
    bool running = false;
};

output_pump::output_pump(output_stream stream, data_handler on_data, end_handler on_end,
                         std::size_t credit)
    : impl_(
          std::make_shared<impl>(std::move(stream), std::move(on_data), std::move(on_end), credit))
{
    if (!impl_->stream.is_open())
        throw boost::system::system_error(errc::not_piped);
    impl_->start();
}

output_pump& output_pump::operator=(output_pump&& other) noexcept
{
    if (this != &other) {
        stop();
        impl_ = std::move(other.impl_);
    }
    return *this;
}

output_pump::~output_pump()
{
    stop();
}

void output_pump::grant(std::size_t bytes)
{
    if (!impl_)
        return;
    impl_->credit = bytes > unlimited - impl_->credit ? unlimited : impl_->credit + bytes;
    impl_->start();
}

std::size_t output_pump::credit() const noexcept
{
    return impl_ ? impl_->credit : 0;
}

void output_pump::pause() noexcept
{
    if (!impl_ || impl_->paused)
        return;
    impl_->paused = true;
    impl_->interrupt();
}

void output_pump::resume()
{
    if (!impl_)
        return;
    impl_->paused = false;
    impl_->start();
}

bool output_pump::paused() const noexcept
{
    return impl_ && impl_->paused;
}

void output_pump::stop() noexcept
{
    if (impl_)
        impl_->stop();
}

} // namespace execasio
