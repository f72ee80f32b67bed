#pragma once

#include "execasio/error.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace execasio {

namespace asio = boost::asio;

/// Makes this program the reaper of its descendants (PR_SET_CHILD_SUBREAPER, Linux 3.4): those that
/// lose their parent become its children, so that the ends of a tree stay in reach. To be called
/// before the first launch.
///
/// Such children are reaped by the library if it knows whose they are, by a walk for
/// `stop_target::tree`; never those that it does not know, since other code may have started them.
/// A program whose descendants leave orphans in numbers, outside of trees that are stopped, has to
/// reap them itself, or by an `orphan_reaper`.
error_code become_subreaper() noexcept;

/// Makes this program a subreaper that reaps the orphans which come to it as soon as they have
/// ended: they are no zombies where process 1 reaps nobody, as in many containers.
///
/// For programs whose children are all this library's: any other zombie is taken for an orphan, so
/// a waitpid(2) of other code could come too late. To be made before the first launch. One is
/// enough; it goes by SIGCHLD. Its wait keeps the executor's context busy as long as it lives.
///
/// @par Thread safety
/// Belongs to its executor (strand). Processes may be spawned and end in other threads.
class orphan_reaper {
public:
    /// @throws boost::system::system_error when the kernel refuses.
    explicit orphan_reaper(asio::any_io_executor executor);
    orphan_reaper(orphan_reaper const&) = delete;
    orphan_reaper& operator=(orphan_reaper const&) = delete;
    ~orphan_reaper(); ///< the program stays a subreaper; orphans are zombies from then on

private:
    struct impl;

    std::shared_ptr<impl> impl_;
};

} // namespace execasio
