#include "port.hpp"

#include "decode_request.hpp"
#include "describe_request.hpp"
#include "log.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>
#include <variant>

#include <signal.h>
#include <unistd.h>

namespace exec_port {

using execasio::error_code;

port::port(asio::io_context& context, settings const& s, rights const& r,
           std::vector<pid_t> const& others)
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
    reap_orphans(); // before the first child
    if (s.guard)
        start_guardian(others);
}

void port::reap_orphans()
{
    try {
        orphan_reaper_.emplace(context_.get_executor());
    } catch (boost::system::system_error const& e) {
        log::warning("orphans are left to process 1: " + std::string(e.what()));
    }
}

void port::start_guardian(std::vector<pid_t> const& others)
{
    std::string const risk = ". Should exec-port be killed, its children would live on";
    execasio::guardian* guardian = nullptr;
    try {
        auto const on_loss = [risk](execasio::exit_record const& how, error_code failed) {
            log::warning("the guardian has ended by " + describe(how) +
                         (failed ? " and cannot be started again: " + failed.message() + risk
                                 : ", another one was started"));
        };
        guardian = &supervisor_.start_guardian(on_loss);
    } catch (boost::system::system_error const& e) {
        log::warning("there is no guardian: " + std::string(e.what()) + risk);
        return;
    }
    try {
        guardian->include_own_group(others);
    } catch (boost::system::system_error const& e) {
        log::warning("the guardian leaves the port's process group alone: " +
                     std::string(e.what()));
    }
}

int port::run()
{
    log::trace(1, [] { return "started, process " + std::to_string(::getpid()); });
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
        log::trace(2, [&] {
            return "request " + std::to_string(decoded->id) + ": " + describe(decoded->body);
        });
        if (auto const* const r = std::get_if<stdin_request>(&decoded->body); r && r->data)
            if (auto const c = find(r->os_pid))
                while (!ending_ && c->is_behind(r->data->size()))
                    co_await child::let_it_catch_up(c, r->data->size());
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
    if (left == 0)
        co_return;
    std::string text = std::to_string(left) + " process(es) cannot be killed";
    for (pid_t const id : supervisor_.ids()) // not those that commands have left behind
        text += ", " + std::to_string(id);
    log::error(text);
}

std::shared_ptr<child> port::find(int os_pid) const
{
    auto const found = children_.find(os_pid);
    return found == children_.end() ? nullptr : found->second;
}
} // namespace exec_port
