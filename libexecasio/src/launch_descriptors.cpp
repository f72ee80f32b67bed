// The part of a launch plan that is about what the child gets at which descriptor.
#include "launch_plan.hpp"

#include "linux/last_error.hpp"
#include "linux/terminal.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace execasio::detail {
namespace {

stage open_stage(int number) noexcept
{
    return number == 0 ? stage::open_input : number == 1 ? stage::open_output : stage::open_error;
}

stage pipe_stage(int number) noexcept
{
    return number == 0 ? stage::pipe_input : number == 1 ? stage::pipe_output : stage::pipe_error;
}
} // namespace

void launch_plan::open_file(stream const& s, int number)
{
    if (identity_ && identity_->plan().set_user) {
        files_.push_back(
            {s.path().c_str(), s.open_flags(), s.mode(), number, -1, open_stage(number)});
        moves_.push_back({sys::descriptor_move::closed, number});
        return;
    }
    // Non-blocking, so that a FIFO without a reader or writer does not hold up the whole program.
    int fd;
    do {
        fd = ::open(s.path().c_str(), s.open_flags() | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, s.mode());
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        throw spawn_error(open_stage(number), sys::last_error(), s.path());
    child_ends_.emplace_back(fd);
    // The open file keeps just its access mode and O_APPEND: the child expects a blocking one.
    if (::fcntl(fd, F_SETFL, s.open_flags() & O_APPEND) < 0)
        throw spawn_error(open_stage(number), sys::last_error(), s.path());
    moves_.push_back({fd, number});
}

void launch_plan::connect(stream const& s, int number, sys::unique_fd& parent_end)
{
    if (s.is_file()) {
        open_file(s, number);
    } else if (s.is(stream::pipe) || s.is(stream::socket)) {
        int ends[2];
        bool const made = s.is(stream::pipe)
                              ? ::pipe2(ends, O_CLOEXEC) == 0
                              : ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
        if (!made)
            throw spawn_error(pipe_stage(number), sys::last_error(), "");
        int const child = number == 0 ? 0 : 1;
        parent_end.reset(ends[1 - child]);
        child_ends_.emplace_back(ends[child]);
        moves_.push_back({ends[child], number});
    } else if (s.is(stream::null)) {
        moves_.push_back({sys::descriptor_move::null, number});
    } else if (s.is(stream::close)) {
        moves_.push_back({sys::descriptor_move::closed, number});
    } else if (s.is_descriptor()) {
        moves_.push_back({s.fd(), number});
    } else {
        int const inherited = inherited_[static_cast<std::size_t>(number)];
        moves_.push_back({slave_ >= 0 ? slave_ : inherited, number});
    }
}

/// Before anything is opened here: that could get the number of a descriptor that is closed, and
/// the child would get it in its place.
void launch_plan::look_at_given()
{
    std::array<stream const*, 3> const standard{&cmd_.input(), &cmd_.output(), &cmd_.error()};
    for (std::size_t at = 0; at < standard.size(); ++at) {
        int const number = static_cast<int>(at);
        bool const may_stay = standard[at]->is(stream::inherit) || standard[at]->is_descriptor();
        if (!may_stay)
            continue; // replaced, whatever it is
        int const flags = ::fcntl(number, F_GETFD);
        inherited_[at] = flags >= 0 ? number : sys::descriptor_move::closed;
        outlives_exec_[at] = flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    auto const require_open = [](int fd) {
        if (::fcntl(fd, F_GETFD) < 0)
            throw spawn_error(stage::descriptors, sys::last_error(), std::to_string(fd));
    };
    for (stream const* const s : standard)
        if (s->is_descriptor())
            require_open(s->fd());
    for (auto const& [number, fd] : cmd_.descriptors()) {
        if (number < 3 || fd < 0)
            refuse(errc::bad_descriptor, std::to_string(number));
        require_open(fd);
    }
}

void launch_plan::prepare_terminal()
{
    if (!cmd_.terminal())
        return;
    try {
        bool const as_other_user = identity_ && identity_->plan().set_user;
        sys::terminal_pair pair =
            as_other_user ? sys::open_terminal(identity_->plan().user, identity_->plan().group)
                          : sys::open_terminal();
        sys::prepare_terminal(pair.slave.get(), *cmd_.terminal());
        terminal = std::move(pair.master);
        slave_ = pair.slave.get();
        child_ends_.push_back(std::move(pair.slave));
    } catch (boost::system::system_error const& e) {
        throw spawn_error(stage::terminal, e.code(), file_);
    }
}

/// Of a merged stream, which is only connected once.
void launch_plan::merge_file(int number, int into)
{
    for (sys::file_to_open& file : files_)
        if (file.to == number)
            file.also = into;
}

void launch_plan::prepare_streams()
{
    moves_.reserve(3 + cmd_.descriptors().size());
    connect(cmd_.input(), 0, input);
    if (!cmd_.merges_output())
        connect(cmd_.output(), 1, output);
    if (cmd_.merges_error())
        moves_.push_back({moves_[1].from, 2});
    else
        connect(cmd_.error(), 2, error);
    if (cmd_.merges_output())
        moves_.insert(moves_.begin() + 1, {moves_[1].from, 1});
    if (cmd_.merges_error())
        merge_file(1, 2);
    if (cmd_.merges_output())
        merge_file(2, 1);
    plan_.files = files_.data();
    plan_.file_count = files_.size();
    for (auto const& [number, fd] : cmd_.descriptors())
        moves_.push_back({fd, number});
    std::sort(moves_.begin(), moves_.end(), [](auto a, auto b) { return a.to < b.to; });
    for (std::size_t i = 1; i < moves_.size(); ++i)
        if (moves_[i].to == moves_[i - 1].to)
            refuse(errc::bad_descriptor, std::to_string(moves_[i].to));
    for (std::size_t number = 0; number < outlives_exec_.size(); ++number)
        if (moves_[number].from == moves_[number].to && outlives_exec_[number])
            moves_[number].from = sys::descriptor_move::kept;
}
} // namespace execasio::detail
