#pragma once

#include "encode.hpp"
#include "frame.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace exec_port {

namespace asio = boost::asio;

/// Memory for one output event: data is read to `data()`, and the header is put in front of it.
class output_block {
public:
    /// What one event carries.
    static constexpr std::size_t data_size = output_data_max;

    output_block() : memory_(std::make_unique_for_overwrite<char[]>(front + data_size)) {}
    [[nodiscard]] char* data() noexcept { return memory_.get() + front; }

private:
    static constexpr std::size_t front = framing::length_max + output_header_max;

    std::unique_ptr<char[]> memory_;
};

/// Sends frames to the Erlang VM without ever waiting for it: what the pipe does not take stays
/// queued. Replies and exits are always taken; producers of output wait for their turn first, so
/// that a VM that does not read makes the children wait and not this queue grow.
///
/// What is queued during one turn of the event loop goes out in one system call.
class frame_writer {
public:
    /// From here on output has to wait.
    static constexpr std::size_t high_water = 512 * 1024;

    /// From here on even requests have to wait, whose replies nobody reads.
    static constexpr std::size_t reply_max = 16 * 1024 * 1024;

    /// @param on_failure Called once when the VM has closed its end.
    frame_writer(asio::any_io_executor executor, int fd, framing frames,
                 std::function<void()> on_failure);
    frame_writer(frame_writer const&) = delete;
    frame_writer& operator=(frame_writer const&) = delete;
    ~frame_writer(); ///< who waits for a turn does not get one any more

    /// @param payload As the encoders return it: with room for its length in front.
    void send(std::string payload);

    /// Sends data that lies in `block`.
    void send_output(output_block block, output_stream stream, int os_pid, std::size_t size);

    /// An empty block, a used one if there is one.
    output_block take_block();
    void give_back(output_block block) { spare_.push_back(std::move(block)); }

    /// Nobody is to be told any more: sends what the pipe takes of the queue at once, such as the
    /// replies to requests that came together with the end, and drops all else from now on.
    void finish();

    [[nodiscard]] bool has_room() const noexcept { return queued_ < high_water; }
    [[nodiscard]] std::size_t queued() const noexcept { return queued_; }

    /// The right to send output now. Its end gives the turn to the next one that waits, should
    /// there be room: one by one, since to wake all of thousands for the room of a few would cost
    /// more than what they send.
    class turn {
    public:
        explicit turn(frame_writer* owner) noexcept : owner_(owner) {}
        turn(turn&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        turn& operator=(turn&&) = delete;
        ~turn()
        {
            if (owner_)
                owner_->end_turn();
        }

    private:
        frame_writer* owner_;
    };

    /// Whether who wants to send output has to wait for a turn.
    [[nodiscard]] bool is_busy() const noexcept { return !has_room() || !waiting_.empty(); }

    /// Completes when there is room, in the order of the calls. Not to be kept across a wait.
    asio::awaitable<turn> wait_for_turn();

    /// Completes when there is room, or at `wake`. For one that waits for something else, too.
    asio::awaitable<void> wait_for_room();
    void wake() { room_.cancel(); }

private:
    struct piece {
        std::string owned;                   // either a payload with room for its length,
        std::unique_ptr<output_block> block; // or output with its header
        char const* begin;                   // of the frame
        std::size_t size;
    };

    struct waiter {
        asio::steady_timer called; // cancelled when it is this one's turn
        bool in_line = true;
    };

    void call_next();
    void end_turn();
    void queue(piece p);
    void schedule();
    void write();
    bool grow_pipe() const noexcept;
    void consume(std::size_t size);
    void fail();
    void discard_all();

    asio::posix::stream_descriptor fd_;
    int number_;
    framing frames_;
    bool pollable_ = true;    // not for a regular file, which on the other hand always takes all
    asio::steady_timer room_; // never expires: cancelled when there is room again
    std::list<waiter*> waiting_;
    bool turn_given_ = false;
    std::function<void()> on_failure_;
    std::deque<piece> pieces_;
    std::vector<output_block> spare_;
    std::size_t queued_ = 0;
    bool scheduled_ = false;
    bool pipe_grown_ = false; // or cannot be
    bool discarding_ = false;
};

} // namespace exec_port
