#pragma once

#include "execasio/output_stream.hpp"

#include <functional>
#include <string_view>

namespace execasio {

/// Sees what is read from a stream, in order, when it leaves the pipe; takes nothing. Returns
/// whether it wants more. Must not throw, nor touch the stream.
using output_watcher = std::function<bool(std::string_view data)>;

/// For the other parts of the library.
struct output_stream_access {
    /// Begins with what was read ahead and not yet given to the caller.
    static void watch(output_stream const& stream, output_watcher watcher);

    /// Reads what there is now, for later reads to give out.
    /// @return 0 without an error at the end of the stream.
    static std::size_t read_ahead(output_stream const& stream, error_code& ec);

    /// Completes when there is more than what was read ahead, or the end.
    static asio::awaitable<void> wait_for_more(output_stream stream);
};

} // namespace execasio
