#include "frame_writer.hpp"

#include "log.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace exec_port {

using boost::system::error_code;

frame_writer::frame_writer(asio::any_io_executor executor, int fd, framing frames,
                           std::function<void()> on_failure)
    : fd_(executor),
      number_(fd),
      frames_(frames),
      room_(executor, asio::steady_timer::time_point::max()),
      on_failure_(std::move(on_failure))
{
    error_code ec;
    fd_.assign(fd, ec);
    pollable_ = !ec;
    if (pollable_)
        fd_.non_blocking(true);
}

frame_writer::~frame_writer()
{
    // They are destroyed with the context, which may outlive this object.
    for (waiter* const w : waiting_)
        w->in_line = false;
}

output_block frame_writer::take_block()
{
    if (spare_.empty())
        return output_block();
    output_block block = std::move(spare_.back());
    spare_.pop_back();
    return block;
}

void frame_writer::send(std::string payload)
{
    if (discarding_)
        return;
    std::size_t const size = payload.size() - framing::length_max;
    queue({std::move(payload), nullptr, nullptr, frames_.length_size() + size});
}

void frame_writer::send_output(output_block block, output_stream stream, int os_pid,
                               std::size_t size)
{
    if (discarding_) {
        spare_.push_back(std::move(block));
        return;
    }
    std::size_t const header = write_output_header(block.data(), stream, os_pid, size);
    char* const payload = block.data() - header;
    if (size < output_block::data_size / 16) {
        // A few bytes would hold a whole block for as long as the VM does not read.
        send(std::string(payload - framing::length_max, framing::length_max + header + size));
        spare_.push_back(std::move(block));
        return;
    }
    char const* const begin = frames_.write_length(payload, header + size);
    queue({{},
           std::make_unique<output_block>(std::move(block)),
           begin,
           frames_.length_size() + header + size});
}

void frame_writer::queue(piece p)
{
    queued_ += p.size;
    pieces_.push_back(std::move(p));
    // Not before: a short string lies within its piece.
    if (piece& last = pieces_.back(); !last.block)
        last.begin = frames_.write_length(last.owned.data() + framing::length_max,
                                          last.owned.size() - framing::length_max);
    if (!scheduled_)
        schedule();
}

void frame_writer::schedule()
{
    scheduled_ = true;
    // Behind whatever is ready in this turn of the loop, to take that along.
    asio::post(fd_.get_executor(), [this] { write(); });
}

void frame_writer::write()
{
    while (!pieces_.empty()) {
        std::array<iovec, 64> vectors;
        std::size_t const count = std::min(vectors.size(), pieces_.size());
        for (std::size_t i = 0; i < count; ++i)
            vectors[i] = {const_cast<char*>(pieces_[i].begin), pieces_[i].size};
        ssize_t const written = ::writev(number_, vectors.data(), static_cast<int>(count));
        if (written >= 0) {
            consume(static_cast<std::size_t>(written));
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            fail();
            return;
        }
        if (!std::exchange(pipe_grown_, true) && grow_pipe())
            continue;
        fd_.async_wait(asio::posix::descriptor_base::wait_write, [this](error_code ec) {
            if (!ec)
                write();
        });
        return;
    }
    scheduled_ = false;
}

/// A pipe that was full once: a larger one takes more in a call, and the VM finds more at a time.
/// Refused where the user has many of them (pipe(7), pipe-user-pages-soft).
bool frame_writer::grow_pipe() const noexcept
{
    constexpr int size = 256 * 1024;
    int const now = ::fcntl(number_, F_GETPIPE_SZ); // fails if it is no pipe
    return now >= 0 && now < size && ::fcntl(number_, F_SETPIPE_SZ, size) >= size;
}

void frame_writer::consume(std::size_t size)
{
    bool const had_room = has_room();
    queued_ -= size;
    while (size != 0) {
        piece& front = pieces_.front();
        if (size < front.size) {
            front.begin += size;
            front.size -= size;
            break;
        }
        size -= front.size;
        constexpr std::size_t worth_keeping = high_water / output_block::data_size + 1;
        if (front.block && spare_.size() < worth_keeping)
            spare_.push_back(std::move(*front.block));
        pieces_.pop_front();
    }
    if (!had_room && has_room())
        room_.cancel();
    call_next();
}

void frame_writer::fail()
{
    log::trace(1, [] { return std::string("cannot write to the VM: ") + std::strerror(errno); });
    discard_all();
    on_failure_();
}

void frame_writer::finish()
{
    write();
    discard_all();
}

void frame_writer::discard_all()
{
    discarding_ = true;
    pieces_.clear();
    queued_ = 0;
    room_.cancel();
    call_next();
}

void frame_writer::call_next()
{
    if (turn_given_ || waiting_.empty() || !has_room())
        return;
    turn_given_ = true;
    waiter* const next = waiting_.front();
    waiting_.pop_front();
    next->in_line = false;
    next->called.cancel();
}

void frame_writer::end_turn()
{
    turn_given_ = false;
    call_next();
}

asio::awaitable<frame_writer::turn> frame_writer::wait_for_turn()
{
    waiter self{asio::steady_timer(fd_.get_executor(), asio::steady_timer::time_point::max())};
    auto const place = waiting_.insert(waiting_.end(), &self);
    // Destroyed while it waits, with the context: no pointer to it may stay behind.
    struct leaving {
        frame_writer& writer;
        std::list<waiter*>::iterator place;
        waiter& self;
        ~leaving()
        {
            if (self.in_line)
                writer.waiting_.erase(place);
        }
    } const leave{*this, place, self};
    call_next(); // there may be room, and nobody else
    error_code woken;
    if (self.in_line)
        co_await self.called.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    co_return turn(this);
}

asio::awaitable<void> frame_writer::wait_for_room()
{
    if (has_room())
        co_return;
    error_code woken;
    co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

} // namespace exec_port
