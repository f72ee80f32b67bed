#include "port_session.hpp"

#include "term.hpp"

#include <execasio/spawn.hpp>

#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include <signal.h>
#include <time.h>
#include <unistd.h>

namespace benchmark {
namespace {

execasio::command port_command(std::string const& path)
{
    execasio::command cmd(path);
    cmd.input(execasio::stream::pipe).output(execasio::stream::pipe);
    // Away from the terminal, and without what it logs.
    cmd.error(execasio::stream::null).new_session();
    if (!std::getenv("SHELL"))
        cmd.environment("SHELL", "/bin/sh");
    if (::geteuid() == 0)
        cmd.argument("-user").argument("root");
    return cmd;
}

port_event event_of(std::string const& frame)
{
    port_event event;
    auto const message = exec_port::parse_term(frame);
    if (!message)
        throw std::runtime_error("the port program wrote a frame that is no term");
    exec_port::term_cursor parts(*message);
    auto const id = parts.next();
    auto const body = parts.next();
    if (!id || !body || body->kind() != exec_port::term_kind::tuple)
        return event;
    exec_port::term_cursor words(*body);
    auto const name = words.next();
    auto const first = words.next();
    auto const second = words.next();
    if (!name || !first)
        return event;
    if (name->is_atom("error"))
        throw std::runtime_error("the port program refused: " +
                                 exec_port::to_text(*first).value_or(std::string(first->bytes())));
    event.pid = static_cast<int>(first->value());
    event.request = id->value();
    if (name->is_atom("pid")) {
        event.what = port_event::kind::started;
    } else if (name->is_atom("exit_status") && second) {
        event.what = port_event::kind::ended;
        event.status = static_cast<int>(second->value());
    } else if (name->is_atom("stdout") && second) {
        event.what = port_event::kind::output;
        event.bytes = second->bytes().size();
    }
    return event;
}

} // namespace

port_session::port_session(asio::any_io_executor executor, std::string const& path)
    : port_(std::make_shared<execasio::process>(execasio::spawn(executor, port_command(path)))),
      client_(*port_),
      deadline_(executor)
{
}

asio::awaitable<std::int64_t> port_session::run(std::vector<std::string> command,
                                                std::int64_t kill_timeout)
{
    std::int64_t const id = ++last_request_;
    co_await client_.run(id, command, kill_timeout);
    co_return id;
}

asio::awaitable<void> port_session::stop(int pid)
{
    co_await client_.stop(++last_request_, pid);
}

asio::awaitable<port_event> port_session::next()
{
    deadline_.expires_after(std::chrono::seconds(30));
    deadline_.async_wait([port = port_](execasio::error_code ec) {
        execasio::error_code ignored;
        if (!ec)
            port->signal(SIGKILL, ignored);
    });
    auto const frame = co_await client_.next();
    deadline_.cancel();
    if (!frame)
        throw std::runtime_error("the port program has gone, or said nothing for 30 seconds");
    co_return event_of(*frame);
}

asio::awaitable<execasio::exit_record> port_session::shut_down()
{
    port_->input().close();
    execasio::exit_record const how = co_await port_->wait();
    co_return how;
}

double port_session::cpu() const
{
    clockid_t its_clock{};
    timespec t{};
    if (::clock_getcpuclockid(port_->id(), &its_clock) != 0 || ::clock_gettime(its_clock, &t) != 0)
        return 0;
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

} // namespace benchmark
