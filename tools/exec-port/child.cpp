#include "child.hpp"

#include "log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace exec_port {

namespace {

/// What comes from a terminal is standard output, unless Erlang has only asked for the other.
output_stream first_output(run_options const& options)
{
    constexpr auto erlang = redirection::target::erlang;
    auto const& [in, out, err] = options.streams;
    bool const only_error = options.pty && out.to != erlang && err.to == erlang;
    return only_error ? output_stream::err : output_stream::out;
}

/// The other side of a terminal that the port has the master of.
int open_peer(int master) noexcept
{
    return master < 0 ? -1 : ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

} // namespace

child::child(execasio::process& p, run_options const& options, limits const& bounds,
             frame_writer& writer, std::function<void(child&)> on_end)
    : limits_(bounds),
      writer_(writer),
      on_end_(std::move(on_end)),
      input_stream_(p.input()),
      outputs_{output{p.output(), first_output(options)}, output{p.error(), output_stream::err}},
      success_exit_code_(options.success_exit_code),
      os_pid_(p.id()),
      on_terminal_(options.pty.has_value())
{
    if (input_stream_.is_open())
        input_ = execasio::input_queue(input_stream_, limits_.input);
    if (on_terminal_)
        peer_ = open_peer(p.terminal().native_handle());
}

child::~child()
{
    close_peer();
}

void child::close_peer() noexcept
{
    if (peer_ >= 0)
        ::close(std::exchange(peer_, -1));
}

void child::start()
{
    if (std::exchange(started_, true))
        return;
    if (early_end_) {
        exited(early_end_->first, early_end_->second);
        return;
    }
    for (output& o : outputs_)
        if (o.stream.is_open())
            asio::co_spawn(o.stream.get_executor(), forward(shared_from_this(), o),
                           [self = shared_from_this(), &o](std::exception_ptr failure) {
                               // A stream that cannot be read any more has no more to tell.
                               if (failure && !self->exited_)
                                   o.stream.close();
                           });
}

void child::input(std::optional<std::string> data)
{
    if (!data) {
        input_.finish();
        return;
    }
    if (input_.push(std::move(*data)) == execasio::errc::input_queue_full) {
        log::warning("process " + std::to_string(os_pid_) + " does not read its input: " +
                     std::to_string(input_.size()) + " bytes wait, its input is closed");
        input_.close();
    }
}

/// The most that may wait before so much is added.
std::size_t child::input_mark(std::size_t size) const noexcept
{
    return std::min(limits_.input / 2, limits_.input - std::min(limits_.input, size));
}

bool child::is_behind(std::size_t size) const noexcept
{
    return size != 0 && size <= limits_.input && input_.is_open() &&
           input_.size() > input_mark(size) && patience_ > patience_.zero();
}

asio::awaitable<void> child::let_it_catch_up(std::shared_ptr<child> self, std::size_t size)
{
    using std::chrono::steady_clock;
    // All other requests wait meanwhile, and whoever asks looks in between whether it is the end.
    constexpr std::chrono::milliseconds slice{20};
    auto const since = steady_clock::now();
    auto const deadline = since + std::min<steady_clock::duration>(slice, self->patience_);
    co_await self->input_.wait_below(self->input_mark(size), deadline);
    self->patience_ -= steady_clock::now() - since;
    std::uint64_t const read = self->input_stream_.total();
    if (read - self->read_before_ >= read_for_patience) {
        self->read_before_ = read;
        self->patience_ = full_patience;
    }
}

/// One read, one event; never waits in between, so that at any other point all that was taken from
/// the pipe is on its way.
/// @return How much it was; 0 when there is nothing now, nullopt when there will be no more.
std::optional<std::size_t> child::forward_once(output& from, std::size_t max)
{
    output_block block = writer_.take_block();
    execasio::error_code ec;
    std::size_t const size =
        from.stream.try_read(asio::buffer(block.data(), std::min(max, limits_.chunk)), ec);
    if (size != 0) {
        writer_.send_output(std::move(block), from.name, os_pid_, size);
        return size;
    }
    writer_.give_back(std::move(block));
    if (ec == asio::error::would_block)
        return 0;
    return std::nullopt;
}

asio::awaitable<void> child::forward(std::shared_ptr<child> self, output& from)
{
    // So many reads in a row before others get their turn.
    constexpr unsigned reads_in_a_row = 16;
    unsigned reads = 0;
    // A pipe that gave less than it was asked for is empty: waiting, which asks the kernel anew,
    // costs less than a read in vain. A terminal gives 4 KiB at a time.
    std::size_t const all_there_is = self->on_terminal_ ? 0 : self->limits_.chunk - 1;
    while (!self->exited_) {
        std::optional<frame_writer::turn> turn;
        if (self->writer_.is_busy())
            turn.emplace(co_await self->writer_.wait_for_turn());
        if (self->exited_)
            break;
        auto const size = self->forward_once(from, self->limits_.chunk);
        turn.reset();
        if (!size) {
            from.stream.close();
            co_return;
        }
        if (*size <= all_there_is) {
            reads = 0;
            co_await from.stream.wait_readable();
        } else if (++reads % reads_in_a_row == 0) {
            co_await asio::post(from.stream.get_executor(), asio::use_awaitable);
        }
    }
}

void child::exited(execasio::error_code ec, execasio::exit_record const& record)
{
    if (!started_) {
        early_end_.emplace(ec, record);
        return;
    }
    exited_ = true;
    status_ = ec ? -1 : record.native_status();
    input_.close();
    for (output& o : outputs_) {
        if (!o.stream.is_open())
            continue;
        o.left = o.stream.available();
        o.stream.cancel(); // ends `forward`
    }
    finish_while_room(false);
    if (!told_)
        asio::co_spawn(outputs_[0].stream.is_open() ? outputs_[0].stream.get_executor()
                                                    : outputs_[1].stream.get_executor(),
                       finish(shared_from_this()), [](std::exception_ptr) {});
}

void child::finish_while_room(bool regardless)
{
    for (output& o : outputs_) {
        while (o.left != 0) {
            if (!regardless && !writer_.has_room())
                return;
            auto const size = forward_once(o, o.left);
            o.left = size && *size != 0 ? o.left - *size : 0;
        }
    }
    if (std::exchange(told_, true))
        return;
    for (output& o : outputs_)
        o.stream.close();
    close_peer();
    writer_.send(encode_exit_status(os_pid_, reported_status()));
    on_end_(*this);
}

asio::awaitable<void> child::finish(std::shared_ptr<child> self)
{
    while (!self->told_) {
        auto const turn = co_await self->writer_.wait_for_turn();
        self->finish_while_room(false);
    }
}

void child::finish_now()
{
    if (exited_)
        finish_while_room(true);
}

std::string child::queues() const
{
    auto const waiting = [](output const& o) {
        return o.stream.is_open() ? std::to_string(o.stream.available()) + " of " +
                                        std::to_string(o.stream.total() + o.stream.available())
                                  : std::string("-");
    };
    return "stdin " + (input_.is_open() ? std::to_string(input_.size()) : "-") + ", stdout " +
           waiting(outputs_[0]) + ", stderr " + waiting(outputs_[1]) +
           (exited_    ? ", exit to be told"
            : stopped_ ? ", being stopped"
                       : "");
}

int child::reported_status() const noexcept
{
    if (stopped_)
        return 0;
    if (status_ == 0 && success_exit_code_)
        return *success_exit_code_;
    return status_;
}

} // namespace exec_port
