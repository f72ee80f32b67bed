#pragma once

namespace execasio {

/// How the end of a child is learnt.
enum class exit_engine {
    automatic, ///< pidfd where the kernel (5.4) and the container's filter allow it, else sigchld
    pidfd,     ///< as automatic; kept apart for programs that say what they mean
    sigchld,   ///< an `asio::signal_set` for SIGCHLD: takes that signal's disposition over
};

/// Chooses the engine of processes that are spawned from now on, in the whole program. Mostly for
/// tests: the automatic choice needs no help.
/// @par Thread safety
/// May be called from any thread.
void use_exit_engine(exit_engine engine) noexcept;

/// The engine in force.
exit_engine current_exit_engine() noexcept;

} // namespace execasio
