// How the port comes to its processes, and what it tells of their ends.
#include "port.hpp"

#include "describe_request.hpp"
#include "failed_start.hpp"
#include "log.hpp"
#include "start.hpp"
#include "translate.hpp"
#include "user.hpp"

#include <execasio/adopt.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace exec_port {
namespace {

using execasio::error_code;

/// Not one that was only taken charge of.
bool is_own_child(int os_pid)
{
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(os_pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool is_traced(run_options const& options)
{
    return options.debug.value_or(log::debug_level) > 0;
}

} // namespace

void port::handle(std::int64_t id, run_request const& r)
{
    try {
        execasio::command cmd =
            may_join(r.options.group.value_or(0)) ? to_command(r, rights_) : refused_group(r);
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

/// A stop of a process group ends all that is in it, whosever it is: under a policy it must be one
/// that began with a command of the port's.
bool port::may_join(int group)
{
    if (group == 0 || group == ::getpgrp() || !rights_.limited())
        return true;
    execasio::process* const leader = supervisor_.find(group);
    return leader && leader->group() == group && is_own_child(group);
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
        // Asked again: the number may be another group's by now.
        if (!may_join(r.options.group.value_or(0)))
            cmd = refused_group(r);
        cmd.spawn_deadline(left);
        asio::co_spawn(context_, run_later(to, r, cmd),
                       asio::bind_cancellation_slot(
                           slot, [this, to, done = std::move(done)](std::exception_ptr failure) {
                               done();
                               if (failure) // out of memory; an answer is due all the same
                                   refuse(to, refusal::text("Couldn't start pid: out of memory"));
                           }));
    };
    if (!starts_.add(r.options.user.value_or(""), r.size, std::move(begin)))
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
    if (r.os_pid == 1 || r.os_pid == supervisor_.guardian_id()) { // at the end all have to go
        handle(id, refusal::atom("not_found"));
        return;
    }
    try {
        if (r.options.user && !user_id(*r.options.user)) {
            handle(id, refusal::badarg());
            return;
        }
        execasio::process p = execasio::adopt(context_.get_executor(), r.os_pid);
        std::optional<execasio::credentials> owner;
        if (r.options.kill || rights_.limited())
            owner = owner_of(r.os_pid);
        if (!p.poll())
            owner.reset(); // the number may have been another's by then
        // A group of a foreign process may have anybody's in it.
        if (!rights_.may_manage(owner) || (rights_.limited() && r.options.kill_group)) {
            handle(id, refusal::atom("eperm"));
            return;
        }
        if (r.options.nice && p.running() &&
            ::setpriority(PRIO_PROCESS, static_cast<id_t>(r.os_pid), *r.options.nice) != 0)
            log::warning("cannot set the priority of process " + std::to_string(r.os_pid) + ": " +
                         std::strerror(errno));
        introduce({id}, std::move(p), r.options, owner);
    } catch (start_refused const& e) {
        handle(id, e.why());
    } catch (boost::system::system_error const& e) {
        // A thread's id is EINVAL, and ENOENT to newer kernels.
        handle(id, e.code() == boost::system::errc::no_such_process ||
                           e.code() == boost::system::errc::invalid_argument ||
                           e.code() == boost::system::errc::no_such_file_or_directory
                       ? refusal::atom("not_found")
                       : refusal::because(e.code()));
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
        bool const in_vain = record.stop_stage().value_or(0) != 0;
        return "process " + std::to_string(p.id()) +
               " ended: " + (ec ? ec.message() : describe(record)) +
               (in_vain ? ", when nothing else had ended it" : "");
    };
    if (c && c->traced())
        log::write(log::severity::debug, text());
    else
        log::info(text);
    if (c)
        c->exited(ec, record);
}
} // namespace exec_port
