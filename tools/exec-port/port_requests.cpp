// The requests about processes that the port has, and the port itself.
#include "port.hpp"

#include "log.hpp"

#include <cerrno>
#include <utility>
#include <vector>

#include <unistd.h>

namespace exec_port {
namespace {

using execasio::error_code;

refusal no_such_child(int os_pid)
{
    return refusal::text("pid " + std::to_string(os_pid) + " doesn't exist");
}

} // namespace

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
    // Not before its turn: those whose replies come first are to be in it, and no others.
    reply({id}, 0, [this, id] {
        std::vector<pid_t> told = supervisor_.ids();
        std::erase_if(told, [this](pid_t os_pid) { return newborn_.contains(os_pid); });
        writer_.send(encode_pids(id, told, frames_.payload_max()));
    });
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
} // namespace exec_port
