#pragma once

#include "execasio/error.hpp"

namespace execasio {

/// Makes this program the reaper of its descendants (PR_SET_CHILD_SUBREAPER, Linux 3.4): those that
/// lose their parent become its children, so that the ends of a tree stay in reach. To be called
/// before the first launch.
///
/// Such children are reaped by the library if it knows whose they are, by a walk for
/// `stop_target::tree`; never those that it does not know, since other code may have started them.
/// A program whose descendants leave orphans in numbers, outside of trees that are stopped, has to
/// reap them itself.
error_code become_subreaper() noexcept;

} // namespace execasio
