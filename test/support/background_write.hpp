#pragma once

#include "support/errors.hpp"
#include "support/run_coroutine.hpp"

#include <execasio/input_stream.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// Writes everything that fits into the pipe.
inline std::size_t fill(execasio::input_stream& in)
{
    std::vector<char> const block(4096, '-');
    std::size_t total = 0;
    for (;;) {
        execasio::error_code ec;
        std::size_t const size = in.try_write(asio::buffer(block), ec);
        BOOST_REQUIRE(!ec);
        total += size;
        if (size < block.size())
            return total;
    }
}

/// A write that goes on by itself.
struct background_write {
    background_write(asio::any_io_executor ex, execasio::input_stream stream, std::string text)
        : data(std::move(text))
    {
        asio::co_spawn(
            ex, error_of(stream.write(asio::buffer(data))),
            asio::bind_cancellation_slot(
                signal.slot(), [this](std::exception_ptr e, execasio::error_code result) {
                    ec = e ? make_error_code(asio::error::operation_aborted) : result;
                    done = true;
                }));
    }
    background_write(background_write const&) = delete;
    background_write& operator=(background_write const&) = delete;

    std::string data;
    asio::cancellation_signal signal;
    execasio::error_code ec;
    bool done = false;
};

} // namespace test
