#include "pending_launch.hpp"

#include "launch.hpp"
#include "orphanage.hpp"
#include "process_state.hpp"
#include "readiness.hpp"

namespace execasio::detail {

pending_launch::pending_launch(asio::any_io_executor executor, command cmd)
    : executor_(std::move(executor)),
      cmd_(std::move(cmd)),
      report_(executor_),
      deadline_(executor_),
      done_(executor_)
{
}

pending_launch::~pending_launch()
{
    if (report_.is_open())
        report_.release();
}

void pending_launch::begin()
{
    try {
        start();
    } catch (spawn_error const&) {
        failure_ = std::current_exception();
    } catch (boost::system::system_error const& e) {
        failure_ = std::make_exception_ptr(
            spawn_error(stage::watch, e.code(), plan_ ? plan_->file() : std::string()));
    } catch (std::exception const&) { // out of memory
        failure_ = std::current_exception();
    }
    if (failure_)
        finish();
}

void pending_launch::start()
{
    plan_.emplace(cmd_);
    if (!cmd_.changes_identity()) {
        process_ = launch(executor_, cmd_, *plan_, nullptr, nullptr);
        finish();
        return;
    }
    reap_orphans();
    state_ = make_state(executor_, cmd_, *plan_);
    newborn_.emplace(plan_->begin());
    if (newborn_->look_for_end()) { // not even born, as a rule
        finish();
        return;
    }
    report_.assign(newborn_->report_fd());
    deadline_.expires_at(deadline_after(cmd_.spawn_deadline()));
    deadline_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec && !self->finished_)
            self->give_up(make_error_code(boost::system::errc::timed_out));
    });
    reported();
}

void pending_launch::await_report()
{
    report_.async_wait(asio::posix::descriptor_base::wait_read,
                       [self = shared_from_this()](error_code ec) {
                           if (!ec && !self->finished_)
                               self->reported();
                       });
}

void pending_launch::reported()
{
    if (!newborn_->look()) {
        await_report();
    } else if (newborn_->look_for_end()) {
        finish();
    } else { // it says why it fails, and has yet to take down its copy of our memory
        if (!ending_)
            end({});
        if (!finished_)
            await_report();
    }
}

void pending_launch::cancel()
{
    if (!finished_ && !ending_)
        give_up(asio::error::operation_aborted);
}

void pending_launch::give_up(error_code why)
{
    if (!newborn_->look_at_deadline())
        end(why);
    else if (newborn_->look_for_end())
        finish();
    else
        end({});
}

/// It is dead when the pipe says so; unless a system call holds it, or somebody else the pipe.
void pending_launch::end(error_code why)
{
    constexpr std::chrono::seconds patience{1};
    ending_ = true;
    why_ = why;
    if (!newborn_->kill()) {
        finish();
        return;
    }
    deadline_.expires_after(patience);
    deadline_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec && !self->finished_)
            self->finish();
    });
}

void pending_launch::finish()
{
    finished_ = true;
    deadline_.cancel();
    if (report_.is_open())
        report_.release();
    try {
        if (newborn_ && !failure_) {
            // What has closed its end of the pipe needs the processor once more, which may be busy.
            std::chrono::seconds const patience(newborn_->look_for_end() ? 1 : 0);
            sys::birth born = newborn_->finish(why_, patience);
            newborn_.reset();
            sys::child_handle child = plan_->complete(std::move(born));
            state_->take_tree(std::move(plan_->cgroup), plan_->tree_number);
            state_->take(std::move(child));
            process_ = process_access::make(std::move(state_));
        }
    } catch (spawn_error const&) {
        failure_ = std::current_exception();
    } catch (boost::system::system_error const& e) {
        failure_ = std::make_exception_ptr(spawn_error(stage::watch, e.code(), plan_->file()));
    } catch (std::exception const&) { // out of memory
        failure_ = std::current_exception();
    }
    newborn_.reset();
    state_.reset();
    plan_.reset();
    done_.close();
}

process pending_launch::take(std::exception_ptr& failure) noexcept
{
    failure = std::move(failure_);
    return std::move(process_);
}

// What the operation in spawn.hpp needs of it.

std::shared_ptr<pending_launch> begin_launch(asio::any_io_executor executor, command cmd)
{
    auto const launch = std::make_shared<pending_launch>(std::move(executor), std::move(cmd));
    launch->begin();
    return launch;
}

bool has_finished(pending_launch const& launch) noexcept
{
    return launch.finished();
}

exit_event& launch_event(pending_launch& launch) noexcept
{
    return launch.done();
}

void cancel_launch(pending_launch& launch)
{
    launch.cancel();
}

process end_launch(pending_launch& launch, std::exception_ptr& failure) noexcept
{
    return launch.take(failure);
}

} // namespace execasio::detail
