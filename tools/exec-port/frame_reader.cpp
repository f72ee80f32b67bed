#include "frame_reader.hpp"

#include "log.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace exec_port {

using boost::system::error_code;

/// Where reading begins, and returns to after a larger frame; no frame of `{packet, 2}` is larger.
constexpr std::size_t usual_buffer = 2 * (1 + framing::packet_2().payload_max());

frame_reader::frame_reader(asio::any_io_executor executor, int fd, framing frames)
    : fd_(executor),
      number_(fd),
      frames_(frames),
      buffer_(usual_buffer)
{
    error_code ec;
    fd_.assign(fd, ec);
    pollable_ = !ec;
    if (pollable_)
        fd_.non_blocking(true);
}

asio::awaitable<std::optional<std::string_view>> frame_reader::next()
{
    // A flood of commands must not keep exits and output from their turn.
    constexpr unsigned turn = 32;
    if (++frames_in_a_row_ % turn == 0)
        co_await asio::post(fd_.get_executor(), asio::use_awaitable);
    for (;;) {
        std::size_t const have = end_ - begin_;
        if (have >= frames_.length_size()) {
            std::size_t const size = frames_.read_length(buffer_.data() + begin_);
            if (size > frames_.payload_max()) {
                log::error("a frame of " + std::to_string(size) + " bytes, where at most " +
                           std::to_string(frames_.payload_max()) + " are expected");
                co_return std::nullopt;
            }
            if (have >= frames_.length_size() + size) {
                std::string_view const frame(buffer_.data() + begin_ + frames_.length_size(), size);
                begin_ += frames_.length_size() + size;
                co_return frame;
            }
        }
        bool const more = co_await fill();
        if (!more)
            co_return std::nullopt;
    }
}

asio::awaitable<bool> frame_reader::fill()
{
    make_room();
    for (;;) {
        if (closed_)
            co_return false;
        if (std::exchange(empty_, false)) {
            error_code ec;
            co_await fd_.async_wait(asio::posix::descriptor_base::wait_read,
                                    asio::redirect_error(asio::use_awaitable, ec));
            continue;
        }
        std::size_t const room = buffer_.size() - end_;
        ssize_t const size = ::read(number_, buffer_.data() + end_, room);
        if (size > 0) {
            end_ += static_cast<std::size_t>(size);
            // Waiting, which asks the kernel anew, costs less than a read in vain.
            empty_ = pollable_ && static_cast<std::size_t>(size) < room;
            co_return true;
        }
        if (size < 0 && errno == EINTR)
            continue;
        if (size == 0 || errno != EAGAIN || !pollable_)
            co_return false;
        empty_ = true;
    }
}

void frame_reader::make_room()
{
    std::size_t const have = end_ - begin_;
    if (have == 0 && buffer_.size() > usual_buffer)
        std::vector<char>(usual_buffer).swap(buffer_); // what a large frame took is given back
    else
        std::memmove(buffer_.data(), buffer_.data() + begin_, have);
    begin_ = 0;
    end_ = have;
    if (end_ == buffer_.size()) // as the frame comes in, so that a length alone costs nothing
        buffer_.resize(2 * buffer_.size());
}

void frame_reader::close() noexcept
{
    closed_ = true;
    error_code ignored;
    if (pollable_)
        fd_.cancel(ignored);
}

} // namespace exec_port
