#include "support/identity.hpp"

#include "support/forked.hpp"
#include "support/no_leaks.hpp"

#include <execasio/run.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <exception>
#include <sstream>

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace test {

namespace asio = boost::asio;
using execasio::command;

bool may_change_identity()
{
    auto const held = execasio::capabilities::held();
    bool const may = held.contains(CAP_SETUID) && held.contains(CAP_SETGID);
    if (!may)
        BOOST_TEST_MESSAGE("skipped: this user may not become another");
    return may;
}

namespace {

status_fields parse(execasio::run_result const& result)
{
    ensure(result.how.success(), describe(result.how) + " " + result.error.text);
    status_fields fields;
    std::istringstream lines(result.output.text);
    for (std::string line; std::getline(lines, line);) {
        auto const colon = line.find(':');
        if (colon == std::string::npos)
            continue;
        std::istringstream words(line.substr(colon + 1));
        std::string& value = fields[line.substr(0, colon)];
        for (std::string word; words >> word;)
            value += (value.empty() ? "" : " ") + word;
    }
    return fields;
}

command cat_status(command cmd)
{
    cmd.argument("/proc/self/status").executable("/bin/cat");
    return cmd;
}

} // namespace

asio::awaitable<status_fields> status_of_child(command cmd)
{
    execasio::run_result const result = co_await execasio::run(cat_status(std::move(cmd)));
    co_return parse(result);
}

status_fields status_of_child_here(command cmd)
{
    asio::io_context context;
    std::exception_ptr failure;
    execasio::run_result result;
    asio::co_spawn(context, execasio::run(cat_status(std::move(cmd))),
                   [&](std::exception_ptr e, execasio::run_result r) {
                       failure = e;
                       result = std::move(r);
                   });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    return parse(result);
}

std::string hexadecimal(std::uint64_t mask)
{
    char text[20];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(mask));
    return text;
}

launch_failure failure_of_launch(command const& cmd)
{
    asio::io_context context;
    try {
        execasio::process const p = execasio::spawn(context.get_executor(), cmd);
    } catch (execasio::spawn_error const& e) {
        ensure(!has_children(), "a child is left");
        return {e.where(), e.code(), e.what()};
    }
    throw std::runtime_error("the launch succeeded");
}

void become(uid_t user, std::uint64_t capabilities)
{
    ensure(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "PR_SET_KEEPCAPS");
    ensure(::setgroups(0, nullptr) == 0, "setgroups");
    ensure(::setresgid(user, user, user) == 0, "setresgid");
    ensure(::setresuid(user, user, user) == 0, "setresuid");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    for (unsigned half = 0; half < 2; ++half)
        data[half].effective = data[half].permitted = data[half].inheritable =
            static_cast<std::uint32_t>(capabilities >> (32 * half));
    ensure(::syscall(SYS_capset, &header, data) == 0, "capset");
}

} // namespace test
