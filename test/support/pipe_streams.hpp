#pragma once

#include "support/pipe.hpp"

#include <execasio/input_stream.hpp>
#include <execasio/output_stream.hpp>

#include <boost/asio/any_io_executor.hpp>

namespace test {

/// A stream of what is written into the pipe.
inline execasio::output_stream reader_of(boost::asio::any_io_executor executor, pipe_ends& pipe)
{
    return execasio::output_stream(executor, pipe.release_reader());
}

/// A stream into the pipe.
inline execasio::input_stream writer_of(boost::asio::any_io_executor executor, pipe_ends& pipe)
{
    return execasio::input_stream(executor, pipe.release_writer());
}

} // namespace test
