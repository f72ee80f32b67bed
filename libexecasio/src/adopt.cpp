#include "execasio/adopt.hpp"

#include "linux/child_handle.hpp"
#include "linux/last_error.hpp"
#include "process_state.hpp"

#include <cerrno>

namespace execasio {

process adopt(asio::any_io_executor executor, pid_t pid)
{
    sys::unique_fd pidfd = sys::open_pidfd(pid);
    if (!pidfd)
        throw boost::system::system_error(sys::last_error(), "adopt");
    auto state = std::make_shared<detail::process_state>(std::move(executor));
    state->take(sys::child_handle::foreign(pid, std::move(pidfd)));
    return process_access::make(std::move(state));
}

} // namespace execasio
