#pragma once

#include "frame.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace exec_port {

namespace asio = boost::asio;

/// Takes frames from the Erlang VM, in whatever pieces they arrive.
class frame_reader {
public:
    frame_reader(asio::any_io_executor executor, int fd, framing frames);

    /// The content of the next frame, valid until the next call; nullopt at the end of input, which
    /// an incomplete frame, one that is longer than any may be, and a read error are, too.
    asio::awaitable<std::optional<std::string_view>> next();

    /// Makes a pending `next` see the end of input.
    void close() noexcept;

private:
    asio::awaitable<bool> fill();
    void make_room();

    asio::posix::stream_descriptor fd_;
    int number_;
    framing frames_;
    bool pollable_ = true; // not for a regular file or /dev/null, which never make a reader wait
    bool empty_ = false;   // all has been read that there was
    bool closed_ = false;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    unsigned frames_in_a_row_ = 0;
};

} // namespace exec_port
