#include "execasio/guardian.hpp"

#include "execasio/adopt.hpp"
#include "execasio/capabilities.hpp"
#include "execasio/spawn.hpp"
#include "guardian/image.hpp"
#include "linux/guard_table.hpp"
#include "linux/guardian_process.hpp"
#include "linux/last_error.hpp"
#include "linux/own_children.hpp"
#include "linux/poll_until.hpp"
#include "process_state.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace execasio {

struct guardian::impl : std::enable_shared_from_this<impl> {
    impl(asio::any_io_executor e, loss_handler handler)
        : executor(std::move(e)),
          on_loss(std::move(handler)),
          death(sys::own_death(kept_end)),
          detached(!kept_end)
    {
    }

    void start()
    {
        started = std::chrono::steady_clock::now();
        sys::unique_fd const image =
            sys::executable_file(detail::guardian_image::data(), detail::guardian_image::size());
        try {
            if (!image)
                throw spawn_error(stage::exec, sys::last_error(), "guardian");
            if (detached)
                current = start_detached(image.get());
            else
                current = spawn(executor, guardian_command(image.get()));
        } catch (spawn_error const& e) {
            if (e.where() != stage::exec)
                throw;
            start_copy(); // files in memory may not be executed here, or there is no /proc
        }
        try {
            watch();
        } catch (...) {
            end_current();
            throw;
        }
    }

    [[nodiscard]] command guardian_command(int image) const
    {
        constexpr int place = 5; // of the program itself, above the two that it expects
        command cmd("execasio-guardian");
        cmd.executable("/proc/self/fd/" + std::to_string(place)).clear_environment();
        cmd.input(stream::null).output(stream::null).error(stream::null);
        cmd.descriptor(3, table.memory()).descriptor(4, death.get()).descriptor(place, image);
        // It is nobody's to guard, itself included.
        cmd.directory("/").new_session().on_destroy(lifetime::survive);
        // To a program that is not root's, but may signal other users' processes, exec would not
        // leave that right.
        if (::geteuid() != 0 && capabilities::held().contains(CAP_KILL))
            cmd.capabilities(capabilities().add(CAP_KILL));
        if (::prctl(PR_GET_DUMPABLE) != 1) // as private as this program, whose children it knows
            cmd.argument("private");
        return cmd;
    }

    /// As nobody's child: it is no business of those who look at this program's children.
    [[nodiscard]] process start_detached(int image)
    {
        command cmd = guardian_command(image);
        cmd.argument("detached")
            .input(stream::pipe)
            .output(stream::pipe)
            .on_destroy(lifetime::kill);
        process parent = spawn(executor, cmd);
        constexpr std::chrono::seconds patience{10}; // it does nothing but fork
        pid_t pid = 0;
        error_code ec = make_error_code(errc::died_before_exec);
        if (wait_readable(parent.output().native_handle(), patience) &&
            parent.output().try_read(asio::buffer(&pid, sizeof pid), ec) == sizeof pid) {
            process child = adopt_grandchild(pid);
            sys::no_subreaper const of_the_grandchild; // others' orphans are lost meanwhile
            parent.input().close();
            sys::unique_fd const end = sys::open_pidfd(parent.id());
            await_end(parent, end.get());
            return child;
        }
        // Or it said nothing: no process was to be had for it.
        throw spawn_error(stage::clone, ec ? ec : make_error_code(errc::died_before_exec),
                          "guardian");
    }

    /// A zombie at worst, as long as its parent lives.
    [[nodiscard]] process adopt_grandchild(pid_t pid) const
    {
        try {
            return adopt(executor, pid);
        } catch (...) {
            ::kill(pid, SIGKILL); // it would be there without end
            throw;
        }
    }

    static bool wait_readable(int fd, std::chrono::milliseconds time) noexcept
    {
        return sys::poll_until({fd, POLLIN, 0}, std::chrono::steady_clock::now() + time);
    }

    /// Of one that ends at once; reaped here, so that it is nobody's business later.
    static void await_end(process& p, int pidfd) noexcept
    {
        pollfd end{pidfd, POLLIN, 0};
        for (int tries = 0; tries < 1000 && p.poll(); ++tries)
            ::poll(&end, pidfd >= 0 ? 1U : 0U, 1);
    }

    void start_copy()
    {
        auto state = std::make_shared<detail::process_state>(executor); // which may fail, so first
        sys::birth_under_way const until_it_is_noted;
        pid_t const pid = sys::fork_guardian(table.memory(), death.get());
        if (pid < 0)
            throw spawn_error(stage::clone, sys::last_error(), "guardian");
        state->take(sys::child_handle(pid, sys::open_pidfd(pid)));
        current = process_access::make(std::move(state));
    }

    void watch()
    {
        current.async_wait([weak = weak_from_this()](error_code, exit_record const& how) {
            if (auto const self = weak.lock())
                self->lost(how);
        });
    }

    void lost(exit_record const& how)
    {
        if (dismissed)
            return;
        constexpr int most_failures = 5;
        bool const short_lived =
            std::chrono::steady_clock::now() - started < std::chrono::seconds(1);
        failures = short_lived ? failures + 1 : 0;
        error_code restarted;
        current = process();
        if (failures < most_failures) {
            try {
                start();
            } catch (boost::system::system_error const& e) {
                restarted = e.code();
            }
        } else {
            restarted = make_error_code(errc::died_before_exec);
        }
        if (loss_handler const handler = on_loss)
            handler(how, restarted);
    }

    void dismiss() noexcept
    {
        dismissed = true;
        end_current();
    }

    void end_current() noexcept
    {
        if (!current.running())
            return;
        sys::unique_fd const end = sys::open_pidfd(current.id());
        error_code ec;
        current.signal(SIGKILL, ec); // it sleeps, and is gone at once
        if (detached) {
            // Else it had gone before, and its number may have been another's already.
            if (end && !ec)
                wait_readable(end.get(), std::chrono::seconds(1));
        } else {
            await_end(current, end.get());
        }
        current = process();
    }

    asio::any_io_executor executor;
    loss_handler on_loss;
    sys::guard_table_user table;
    sys::unique_fd kept_end;
    sys::unique_fd death;
    bool detached; // it can be held without being a child: there are pidfds
    process current;
    std::chrono::steady_clock::time_point started;
    int failures = 0;
    bool dismissed = false;
};

guardian::guardian(asio::any_io_executor executor, loss_handler on_loss)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(on_loss)))
{
    impl_->start();
}

guardian::~guardian()
{
    impl_->dismiss();
}

void guardian::include_own_group(std::vector<pid_t> const& spared)
{
    impl_->table.own_group(spared);
}

pid_t guardian::id() const noexcept
{
    return impl_->current.running() ? impl_->current.id() : 0;
}

} // namespace execasio
