#include "execasio/supervisor.hpp"

#include "execasio/spawn.hpp"
#include "execasio/stop.hpp"
#include "pending_rests.hpp"
#include "process_state.hpp"
#include "readiness.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <optional>

namespace execasio {

struct supervisor::impl : std::enable_shared_from_this<impl> {
    struct member {
        process proc;
        stop_plan plan;
        std::uint64_t serial; // tells apart processes that had the same id one after the other
    };

    impl(asio::any_io_executor e, exit_handler handler)
        : executor(std::move(e)),
          on_exit(std::move(handler)),
          changed(executor)
    {
    }

    process& add(process p, stop_plan plan)
    {
        if (!p.valid())
            throw boost::system::system_error(errc::no_process);
        pid_t const id = p.id();
        // The number is free again only when its last bearer was reaped, whose handler may still be
        // on its way here: that one has to go first.
        if (auto const old = members.find(id); old != members.end()) {
            if (old->second.proc.poll())
                throw boost::system::system_error(make_error_code(boost::system::errc::file_exists),
                                                  "supervisor");
            auto const record = old->second.proc.record();
            ended(id, old->second.serial, record ? error_code() : errc::status_lost,
                  record.value_or(exit_record()));
        }
        auto const serial = ++last_serial;
        member& entry =
            members.emplace(id, member{std::move(p), std::move(plan), serial}).first->second;
        try {
            entry.proc.async_wait(
                [self = weak_from_this(), id, serial](error_code ec, exit_record const& record) {
                    if (auto const s = self.lock())
                        s->ended(id, serial, ec, record);
                });
        } catch (...) { // out of memory: nobody would tell its end
            members.erase(id);
            throw;
        }
        return entry.proc;
    }

    void ended(pid_t id, std::uint64_t serial, error_code ec, exit_record const& record)
    {
        auto const found = members.find(id);
        if (found == members.end() || found->second.serial != serial)
            return;
        auto node = members.extract(found);
        auto const state = process_access::state(node.mapped().proc);
        if (out_of_time)
            state->hurry_rest(); // its plan's command
        rests->add(state);
        struct telling { // also when the handler throws, or has destroyed the supervisor
            std::shared_ptr<impl> self;
            ~telling() { self->tell_if_empty(); }
        } const at_end{shared_from_this()};
        // A copy: the handler may destroy the supervisor, which lets go of the original.
        if (exit_handler const handler = on_exit)
            handler(node.mapped().proc, ec, record);
    }

    [[nodiscard]] bool empty() const noexcept { return members.empty() && rests->empty(); }

    void tell_if_empty()
    {
        if (empty())
            changed.cancel();
    }

    /// Until no process is left, or for some time.
    static asio::awaitable<bool> wait_empty(std::shared_ptr<impl> self,
                                            std::chrono::milliseconds bound)
    {
        self->changed.expires_at(detail::deadline_after(bound));
        while (!self->empty()) {
            error_code ec;
            co_await self->changed.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            asio::cancellation_state const state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none)
                throw boost::system::system_error(asio::error::operation_aborted);
            if (!ec)
                break;
        }
        co_return self->empty();
    }

    static asio::awaitable<std::size_t> shutdown(std::shared_ptr<impl> self,
                                                 std::chrono::milliseconds bound);

    asio::any_io_executor executor;
    exit_handler on_exit;
    std::optional<guardian> guard; // goes last of all that it guards
    std::map<pid_t, member> members;
    asio::steady_timer changed; // cancelled when the last process has gone
    // Its own handlers hold it weakly; this object's end is told to it.
    std::shared_ptr<detail::pending_rests> rests =
        std::make_shared<detail::pending_rests>([this] { tell_if_empty(); });
    std::uint64_t last_serial = 0;
    bool out_of_time = false; // of a shutdown
};

asio::awaitable<std::size_t> supervisor::impl::shutdown(std::shared_ptr<impl> self,
                                                        std::chrono::milliseconds bound)
{
    std::size_t refused = 0;
    for (auto at = self->members.begin(); at != self->members.end();) {
        member& entry = at->second;
        if (request_stop(entry.proc, entry.plan)) { // may not be signalled: it is not waited for
            entry.proc.on_destroy(lifetime::detach);
            ++refused;
            at = self->members.erase(at);
        } else {
            ++at;
        }
    }
    if (!co_await wait_empty(self, bound)) {
        struct hurry { // also when it is cancelled
            explicit hurry(impl& i) : self(i) { self.out_of_time = true; }
            hurry(hurry const&) = delete;
            hurry& operator=(hurry const&) = delete;
            ~hurry() { self.out_of_time = false; }
            impl& self;
        } const in_a_hurry(*self);
        for (auto& [id, entry] : self->members) {
            auto const state = process_access::state(entry.proc);
            state->hurry_rest(); // who belongs to it goes, too
            state->kill(end_cause::dropped);
        }
        self->rests->hurry();
        // In parts: a second in which the whole machine stands still is not one that they had.
        constexpr std::chrono::milliseconds part{100};
        for (int parts = 0; parts < 10; ++parts) {
            bool const empty = co_await wait_empty(self, part);
            if (empty)
                break;
        }
    }
    self->guard.reset();
    co_return refused + self->members.size() + self->rests->size();
}

supervisor::supervisor(asio::any_io_executor executor, exit_handler on_exit)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(on_exit)))
{
}

supervisor::~supervisor()
{
    impl_->on_exit = nullptr;
    impl_->rests->forget();
    impl_->members.clear();
    impl_->guard.reset();
    impl_->changed.cancel();
}

process& supervisor::spawn(command const& cmd, stop_plan plan, time_guards guards)
{
    return add(execasio::spawn(impl_->executor, cmd), std::move(plan), std::move(guards));
}

process& supervisor::add(process p, stop_plan plan, time_guards guards)
{
    if (!guards.empty())
        guard(p, std::move(guards), plan);
    return impl_->add(std::move(p), std::move(plan));
}

guardian& supervisor::start_guardian(guardian::loss_handler on_loss)
{
    impl_->guard.reset();
    return impl_->guard.emplace(impl_->executor, std::move(on_loss));
}

pid_t supervisor::guardian_id() const noexcept
{
    return impl_->guard ? impl_->guard->id() : 0;
}

process* supervisor::find(pid_t id) noexcept
{
    auto const found = impl_->members.find(id);
    return found == impl_->members.end() ? nullptr : &found->second.proc;
}

std::vector<pid_t> supervisor::ids() const
{
    std::vector<pid_t> all;
    all.reserve(impl_->members.size());
    for (auto const& [id, entry] : impl_->members)
        all.push_back(id);
    return all;
}

std::size_t supervisor::size() const noexcept
{
    return impl_->members.size();
}

error_code supervisor::stop(pid_t id)
{
    auto const found = impl_->members.find(id);
    if (found == impl_->members.end())
        return make_error_code(errc::no_process);
    return request_stop(found->second.proc, found->second.plan);
}

asio::awaitable<std::size_t> supervisor::shutdown(std::chrono::milliseconds bound)
{
    return impl::shutdown(impl_, bound);
}

} // namespace execasio
