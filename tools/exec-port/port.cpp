#include "port.hpp"

#include "decode_request.hpp"
#include "describe_request.hpp"
#include "log.hpp"
#include "start.hpp"
#include "user.hpp"

#include <execasio/adopt.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

namespace exec_port {
namespace {

using execasio::error_code;

/// The names that erlexec's applications match on; others are told in words.
refusal system_refusal(error_code ec)
{
    if (ec == boost::system::errc::no_such_process)
        return refusal::atom("esrch");
    if (ec == boost::system::errc::operation_not_permitted)
        return refusal::atom("eperm");
    if (ec == boost::system::errc::invalid_argument)
        return refusal::atom("einval");
    if (ec == boost::system::errc::permission_denied)
        return refusal::atom("eacces");
    return refusal::text(ec.message());
}

bool is_traced(run_options const& options)
{
    return options.debug.value_or(log::debug_level) > 0;
}

refusal no_such_child(int os_pid)
{
    return refusal::text("pid " + std::to_string(os_pid) + " doesn't exist");
}

} // namespace

port::port(asio::io_context& context, settings const& s, rights const& r)
    : context_(context),
      settings_(s),
      rights_(r),
      frames_(s.large_frames ? framing::packet_4() : framing::packet_2()),
      reader_(context.get_executor(), s.numbered_descriptors ? 3 : STDIN_FILENO, frames_),
      writer_(context.get_executor(), s.numbered_descriptors ? 4 : STDOUT_FILENO, frames_,
              [this] { end(exit_code::ok); }),
      replies_(context.get_executor()),
      supervisor_(context.get_executor(),
                  [this](execasio::process& p, error_code ec, execasio::exit_record const& record) {
                      ended(p, ec, record);
                  }),
      starts_(context.get_executor()),
      signals_(context, SIGTERM, SIGINT),
      dump_signal_(context, SIGUSR1)
{
    if (s.guard)
        start_guardian();
}

void port::start_guardian()
{
    std::string const risk = ". Should exec-port be killed, its children would live on";
    try {
        supervisor_.start_guardian([risk](execasio::exit_record const& how, error_code failed) {
            log::warning("the guardian has ended by " + describe(how) +
                         (failed ? " and cannot be started again: " + failed.message() + risk
                                 : ", another one was started"));
        });
    } catch (boost::system::system_error const& e) {
        log::warning("there is no guardian: " + std::string(e.what()) + risk);
    }
}

int port::run()
{
    signals_.async_wait([this](error_code ec, int number) {
        if (!ec) {
            log::trace(1, [=] { return "ended by " + execasio::signal_name(number); });
            end(exit_code::signaled);
        }
    });
    dump_when_asked();
    asio::co_spawn(context_, serve(), [this](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
        context_.stop();
    });
    context_.run();
    return exit_code_;
}

asio::awaitable<void> port::serve()
{
    while (!ending_) {
        while (!ending_ && writer_.queued() > frame_writer::reply_max)
            co_await writer_.wait_for_room();
        while (!ending_ && !replies_.has_room())
            co_await replies_.wait_for_room();
        if (ending_)
            break;
        auto const frame = co_await reader_.next();
        if (!frame || ending_)
            break;
        auto const decoded = decode_request(*frame);
        if (!decoded) {
            log::error("a frame is no request: shutting down");
            break;
        }
        std::visit([&](auto const& body) { handle(decoded->id, body); }, decoded->body);
    }
    co_await shut_down();
}

void port::end(int code)
{
    if (std::exchange(ending_, true))
        return;
    exit_code_ = code;
    reader_.close();
    writer_.wake();
    replies_.wake();
}

void port::dump_when_asked()
{
    dump_signal_.async_wait([this](error_code ec, int) {
        if (ec)
            return;
        dump();
        dump_when_asked();
    });
}

/// For those who wonder what it is doing.
void port::dump() const
{
    log::write(log::severity::info,
               std::to_string(supervisor_.size()) + " processes, " +
                   std::to_string(children_.size() + newborn_.size()) +
                   " not told to have ended, " + std::to_string(writer_.queued()) +
                   " bytes wait for the VM, " + std::to_string(starts_.waiting()) + " starts and " +
                   std::to_string(replies_.waiting()) + " replies wait for others");
    for (auto const* const all : {&children_, &newborn_})
        for (auto const& [os_pid, c] : *all)
            log::write(log::severity::info,
                       "process " + std::to_string(os_pid) + ": " + c->queues());
}

asio::awaitable<void> port::shut_down()
{
    ending_ = true;
    signals_.cancel(); // still caught: a second signal must not cut the clean-up short
    writer_.finish();  // children can go on writing, but nobody is told any more
    for (auto const& [os_pid, c] : std::exchange(newborn_, {}))
        c->start();
    co_await starts_.end();
    std::size_t const left = co_await supervisor_.shutdown(settings_.alarm);
    if (left != 0)
        log::error(std::to_string(left) + " process(es) cannot be killed");
}

void port::handle(std::int64_t id, run_request const& r)
{
    try {
        execasio::command cmd = to_command(r, rights_);
        if (cmd.changes_identity()) {
            begin_start(id, r, std::move(cmd));
            return;
        }
        execasio::process p = start(context_.get_executor(), cmd);
        int const os_pid = p.id();
        introduce({id}, std::move(p), r.options);
        tell_of_start(os_pid, r);
    } catch (start_refused const& e) {
        handle(id, e.why());
    }
}

void port::begin_start(std::int64_t id, run_request const& r, execasio::command cmd)
{
    reply_to to{id};
    if (id != 0)
        to.place = std::make_shared<std::optional<reply_order::place>>(replies_.reserve());
    // Waiting in turn counts: replies to all later requests wait for this one's.
    auto const deadline = std::chrono::steady_clock::now() + cmd.spawn_deadline();
    auto begin = [this, to, r, cmd = std::move(cmd), deadline](asio::cancellation_slot slot,
                                                               std::function<void()> done) mutable {
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left <= left.zero()) {
            done();
            refuse(to, refusal::text("Couldn't start pid: starts as other users take too long"));
            return;
        }
        cmd.spawn_deadline(left);
        asio::co_spawn(context_, run_later(to, r, cmd),
                       asio::bind_cancellation_slot(
                           slot, [this, to, done = std::move(done)](std::exception_ptr failure) {
                               done();
                               if (failure) // out of memory; an answer is due all the same
                                   refuse(to, refusal::text("Couldn't start pid: out of memory"));
                           }));
    };
    if (!starts_.add(r.options.user.value_or(""), std::move(begin)))
        refuse(to, refusal::text("Couldn't start pid: too many starts as other users wait"));
}

asio::awaitable<void> port::run_later(reply_to to, run_request r, execasio::command cmd)
{
    try {
        execasio::process p = co_await start_awaited(context_.get_executor(), std::move(cmd));
        if (ending_)
            co_return; // and its destruction kills it
        int const os_pid = p.id();
        introduce(to, std::move(p), r.options);
        tell_of_start(os_pid, r);
    } catch (start_refused const& e) {
        refuse(to, e.why());
    } catch (execasio::spawn_error const&) { // cancelled, at the end
    }
}

void port::tell_of_start(int os_pid, run_request const& r) const
{
    auto const text = [&] { return "process " + std::to_string(os_pid) + ": " + describe(r); };
    if (is_traced(r.options))
        log::write(log::severity::debug, text());
    else
        log::info(text);
}

/// Tells of a new process before anything that it does, which waits in its pipes until then.
void port::introduce(reply_to const& to, execasio::process p, run_options const& options,
                     std::optional<execasio::credentials> const& owner)
{
    int const os_pid = p.id();
    // First, because the end of the number's last bearer may be known only to the supervisor, which
    // tells it here.
    execasio::process& added = supervisor_.add(std::move(p), to_stop_plan(options, rights_, owner));
    auto const c = std::make_shared<child>(added, options, settings_.limits, writer_,
                                           [this](child& told) { children_.erase(told.os_pid()); });
    c->traced(is_traced(options));
    newborn_[os_pid] = c;
    reply(to, 0, [this, id = to.id, c] { announce(id, c); });
}

void port::announce(std::int64_t id, std::shared_ptr<child> const& c)
{
    int const os_pid = c->os_pid();
    // The end of the number's last bearer may still be waiting for room to be told.
    if (auto const old = find(os_pid))
        old->finish_now();
    if (auto const found = newborn_.find(os_pid); found != newborn_.end() && found->second == c)
        newborn_.erase(found); // else the number is another's already
    children_[os_pid] = c;
    writer_.send(encode_pid(id, os_pid));
    c->start();
}

void port::ended(execasio::process& p, error_code ec, execasio::exit_record const& record)
{
    auto const newborn = newborn_.find(p.id());
    auto const c = newborn != newborn_.end() ? newborn->second : find(p.id());
    auto const text = [&] {
        return "process " + std::to_string(p.id()) +
               " ended: " + (ec ? ec.message() : describe(record));
    };
    if (c && c->traced())
        log::write(log::severity::debug, text());
    else
        log::info(text);
    if (c)
        c->exited(ec, record);
}

std::shared_ptr<child> port::find(int os_pid) const
{
    auto const found = children_.find(os_pid);
    return found == children_.end() ? nullptr : found->second;
}

void port::handle(std::int64_t id, manage_request const& r)
{
    if (supervisor_.find(r.os_pid)) {
        // Its end may be told while the reply waits for others.
        auto const send = [this, id, r] {
            writer_.send(find(r.os_pid) ? encode_pid(id, r.os_pid)
                                        : encode_error(id, refusal::atom("not_found")));
        };
        reply({id}, 0, send);
        return;
    }
    if (r.os_pid == ::getpid()) {
        handle(id, refusal::badarg());
        return;
    }
    if (r.os_pid == 1) { // at the port's end all would be asked to go
        handle(id, refusal::atom("not_found"));
        return;
    }
    try {
        execasio::process p = execasio::adopt(context_.get_executor(), r.os_pid);
        if (r.options.nice && p.running() &&
            ::setpriority(PRIO_PROCESS, static_cast<id_t>(r.os_pid), *r.options.nice) != 0)
            log::warning("cannot set the priority of process " + std::to_string(r.os_pid) + ": " +
                         std::strerror(errno));
        std::optional<execasio::credentials> owner;
        if (r.options.kill)
            owner = owner_of(r.os_pid);
        if (!p.poll())
            owner.reset(); // the number may have been another's by then
        introduce({id}, std::move(p), r.options, owner);
    } catch (start_refused const& e) {
        handle(id, e.why());
    } catch (boost::system::system_error const& e) {
        // A thread's id is EINVAL, and ENOENT to newer kernels.
        handle(id, e.code() == boost::system::errc::no_such_process ||
                           e.code() == boost::system::errc::invalid_argument ||
                           e.code() == boost::system::errc::no_such_file_or_directory
                       ? refusal::atom("not_found")
                       : system_refusal(e.code()));
    }
}

void port::handle(std::int64_t id, stop_request const& r)
{
    auto const c = find(r.os_pid);
    execasio::process* const p = supervisor_.find(r.os_pid);
    if (!c || !p) {
        handle(id, refusal::text("pid not alive"));
        return;
    }
    error_code const ec = supervisor_.stop(r.os_pid);
    if (!ec && p->running())
        c->stop_requested();
    answer(id, ec);
}

void port::handle(std::int64_t id, kill_request const& r)
{
    execasio::process* const p = supervisor_.find(r.os_pid);
    if (!p) {
        handle(id, refusal::text("Cannot kill a pid not managed by this application"));
        return;
    }
    error_code ec;
    p->signal(r.signal, ec);
    answer(id, ec);
}

void port::handle(std::int64_t id, list_request const&)
{
    reply(id, encode_pids(id, supervisor_.ids(), frames_.payload_max()));
}

void port::handle(std::int64_t, stdin_request const& r)
{
    if (auto const c = find(r.os_pid))
        c->input(r.data);
}

void port::handle(std::int64_t id, winsz_request const& r)
{
    execasio::process* const p = supervisor_.find(r.os_pid);
    if (!p) {
        handle(id, no_such_child(r.os_pid));
        return;
    }
    error_code ec;
    p->terminal().resize({r.size.rows, r.size.columns}, ec);
    if (ec)
        handle(id, refusal::text("failed to set window size"));
    else
        answer(id, ec);
}

void port::handle(std::int64_t id, pty_opts_request const& r)
{
    execasio::process* const p = supervisor_.find(r.os_pid);
    if (!p) {
        handle(id, no_such_child(r.os_pid));
        return;
    }
    if (!p->terminal().is_open()) {
        handle(id, refusal::text("failed to set pty opts"));
        return;
    }
    // All or nothing: a request with a fault changes nothing.
    for (pty_setting const& setting : r.settings) {
        auto const mode = execasio::find_terminal_mode(setting.name);
        if (mode && mode->supported)
            continue;
        handle(id, refusal::text("failed to set pty option " + setting.name));
        return;
    }
    if (r.flaw) {
        handle(id, *r.flaw);
        return;
    }
    for (pty_setting const& setting : r.settings) {
        error_code ec;
        p->terminal().mode({setting.name, setting.value}, ec);
        if (ec) {
            handle(id, refusal::text("failed to set pty option " + setting.name));
            return;
        }
    }
    answer(id, {});
}

void port::handle(std::int64_t id, setpgid_request const& r)
{
    error_code ec;
    execasio::process* const p = supervisor_.find(r.os_pid);
    if (!p || !p->poll()) // reaped, the number may be a stranger's
        ec.assign(ESRCH, boost::system::system_category());
    else if (::setpgid(r.os_pid, r.group) != 0)
        ec.assign(errno, boost::system::system_category());
    answer(id, ec);
}

void port::handle(std::int64_t id, debug_request const& r)
{
    reply(id, encode_ok(id, std::exchange(log::debug_level, r.level)));
}

void port::handle(std::int64_t, shutdown_request const&)
{
    end(exit_code::ok);
}

void port::handle(std::int64_t id, refusal const& r)
{
    reply(id, encode_error(id, r));
}

void port::answer(std::int64_t id, error_code ec)
{
    reply(id, ec ? encode_error(id, system_refusal(ec)) : encode_ok(id));
}

void port::refuse(reply_to const& to, refusal const& why)
{
    std::string text = encode_error(to.id, why);
    std::size_t const size = text.size();
    reply(to, size, [this, text = std::move(text)] { writer_.send(text); });
}

void port::reply(std::int64_t id, std::string text)
{
    std::size_t const size = text.size();
    reply({id}, size, [this, text = std::move(text)] { writer_.send(text); });
}

void port::reply(reply_to const& to, std::size_t size, reply_order::sender send)
{
    if (to.place && *to.place)
        replies_.fill(*std::exchange(*to.place, std::nullopt), size, std::move(send));
    else if (to.place)
        return;          // what failed after the reply is no second one
    else if (to.id == 0) // nobody waits for it
        send();
    else
        replies_.add(size, std::move(send));
}

} // namespace exec_port
