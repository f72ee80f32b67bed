#pragma once

#include "execasio/output_stream.hpp"
#include "larger_pipe.hpp"
#include "output_stream_access.hpp"
#include "readiness.hpp"
#include "stream_end.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace execasio {

/// What handles of one stream share. Its coroutines own it: the handle may be gone before they
/// complete.
struct output_stream::impl {
    explicit impl(detail::stream_end end) : fd(std::move(end)) {}

    [[nodiscard]] std::size_t buffered() const noexcept { return ahead.size() - ahead_begin; }
    std::size_t take_buffered(asio::mutable_buffer target);
    void drop(std::size_t size);

    /// What is there now; 0 without an error at the end of the stream.
    std::size_t read_now(asio::mutable_buffer target, error_code& ec);
    /// The same into `ahead`.
    std::size_t read_ahead_now(error_code& ec);
    void show(std::string_view data);

    /// Lets others have their turn when enough was read without waiting. Before a read and not
    /// after it: what has been read must reach the caller without a detour.
    static asio::awaitable<void> give_way(std::shared_ptr<impl> self);
    /// At least one more byte into `ahead`; false at the end of the stream.
    static asio::awaitable<bool> fill(std::shared_ptr<impl> self, clock::time_point deadline);
    static asio::awaitable<std::size_t>
    read(std::shared_ptr<impl> self, asio::mutable_buffer target, clock::time_point deadline);
    static asio::awaitable<std::size_t> read_some(std::shared_ptr<impl> self,
                                                  asio::mutable_buffer target,
                                                  std::optional<clock::time_point> deadline);
    static asio::awaitable<std::optional<std::string>> read_line(std::shared_ptr<impl> self,
                                                                 std::size_t max);
    static asio::awaitable<std::string> read_all(std::shared_ptr<impl> self, std::size_t limit);
    static asio::awaitable<void> wait_readable(std::shared_ptr<impl> self);

    detail::stream_end fd;
    std::string ahead; // read from the pipe, not yet given to the caller
    std::size_t ahead_begin = 0;
    clock::duration limit = clock::duration::max();
    std::uint64_t total = 0;
    detail::fairness loop;
    detail::larger_pipe pipe;
    std::vector<output_watcher> watchers; // of what is read; hardly ever one
};

} // namespace execasio
