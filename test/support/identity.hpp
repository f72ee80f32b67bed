#pragma once

#include <execasio/command.hpp>
#include <execasio/credentials.hpp>
#include <execasio/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <sys/types.h>
#include <unistd.h>

namespace test {

constexpr uid_t nobody = 65534;

/// Whether children of this process can be somebody else; says so if not.
bool may_change_identity();

/// Whoever runs the tests: the change of identity that everybody may ask for.
inline execasio::credentials own_identity()
{
    auto who = execasio::credentials::user(::geteuid());
    who.group(::getegid()).no_supplementary_groups();
    return who;
}

/// A program that shows a file, as somebody else.
inline execasio::command cat_as(execasio::credentials who)
{
    return execasio::command("cat").credentials(std::move(who));
}

/// What proc(5) says in the status of a process started by this command (whose program is
/// replaced); words are separated by single spaces.
using status_fields = std::map<std::string, std::string>;
boost::asio::awaitable<status_fields> status_of_child(execasio::command cmd);

/// The same for a process without an event loop, in the body of `failure_in_fork`. Throws.
status_fields status_of_child_here(execasio::command cmd);

/// A capability set as the status has it.
std::string hexadecimal(std::uint64_t mask);

/// What a launch failed with.
struct launch_failure {
    execasio::stage where = execasio::stage::none;
    execasio::error_code why;
    std::string message;
};

/// The failure of a launch, which must leave no child behind; throws when it succeeds.
launch_failure failure_of_launch(execasio::command const& cmd);

/// Has this process give up all identity and privileges but some capabilities, for good.
void become(uid_t user, std::uint64_t capabilities);

} // namespace test
