#include "support/errors.hpp"
#include "support/late_readiness.hpp"
#include "support/no_leaks.hpp"
#include "support/print.hpp"
#include "support/puppet.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/ready.hpp>
#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using execasio::error_code;
using execasio::process;
using execasio::readiness;
using test::check_late_readiness;
using test::error_of;
using test::puppet;
using test::run_coroutine;
using test::scaled;
using test::spawn_piped;

namespace {

/// A port that nobody has at the moment.
std::uint16_t free_port(bool version_6)
{
    using asio::ip::tcp;
    asio::io_context context;
    auto const address = version_6 ? asio::ip::address(asio::ip::address_v6::loopback())
                                   : asio::ip::address(asio::ip::address_v4::loopback());
    tcp::acceptor acceptor(context);
    tcp::endpoint const any(address, 0);
    acceptor.open(any.protocol());
    acceptor.bind(any);
    return acceptor.local_endpoint().port();
}

bool has_ipv6()
{
    try {
        free_port(true);
        return true;
    } catch (boost::system::system_error const&) {
        return false;
    }
}

std::string socket_path(char const* name)
{
    return (std::filesystem::temp_directory_path() /
            ("execasio-" + std::to_string(::getpid()) + "-" + name))
        .string();
}

std::vector<int> open_sockets()
{
    std::vector<int> found;
    struct stat s {};
    for (int fd = 0; fd < 1024; ++fd)
        if (::fstat(fd, &s) == 0 && S_ISSOCK(s.st_mode))
            found.push_back(fd);
    return found;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(becoming_ready, test::no_leaks)

BOOST_AUTO_TEST_CASE(an_open_port_tells)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const port = free_port(false);
        co_await check_late_readiness(
            puppet("await", "listen-tcp", std::to_string(port), "pause-forever"),
            readiness::port(port));
    });
}

BOOST_AUTO_TEST_CASE(an_open_port_of_version_6_tells)
{
    if (!has_ipv6()) {
        BOOST_TEST_MESSAGE("skipped: no IPv6 on the loopback interface");
        return;
    }
    run_coroutine([]() -> asio::awaitable<void> {
        auto const port = free_port(true);
        co_await check_late_readiness(
            puppet("await", "listen-tcp6", std::to_string(port), "pause-forever"),
            readiness::port(port));
    });
}

BOOST_AUTO_TEST_CASE(a_unix_socket_tells)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        std::string const path = socket_path("stream");
        auto const how = readiness::unix_socket(path);
        co_await check_late_readiness(puppet("await", "listen-unix", path, "pause-forever"), how);
        // What a dead server has left behind does not.
        process p = spawn_piped(ex, puppet("pause-forever"));
        error_code const ec = co_await error_of(execasio::ready(p, how, 30ms));
        BOOST_TEST(ec == asio::error::timed_out);
        std::filesystem::remove(path);

        asio::local::datagram_protocol::socket other(ex);
        other.open();
        other.bind(asio::local::datagram_protocol::endpoint(path));
        co_await execasio::ready(p, how);
        std::filesystem::remove(path);
        co_await execasio::stop(p, execasio::stop_plan::kill());
        BOOST_CHECK_THROW(readiness::unix_socket(std::string(200, 'x')),
                          boost::system::system_error);
    });
}

BOOST_AUTO_TEST_CASE(a_connection_that_pends_is_not_left_to_other_programs)
{
    asio::io_context context(1);
    using asio::ip::tcp;
    tcp::endpoint const any(asio::ip::address_v4::loopback(), 0);
    tcp::acceptor full(context, any.protocol());
    full.bind(any);
    full.listen(0);
    std::vector<tcp::socket> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(context);
        waiting.back().async_connect(full.local_endpoint(), [](error_code) {});
    }
    context.poll();
    std::vector<int> const before = open_sockets();
    process p = execasio::spawn(context.get_executor(), puppet("pause-forever"));
    asio::co_spawn(context, execasio::ready(p, readiness::port(full.local_endpoint().port())),
                   [](std::exception_ptr) {});
    context.restart();
    context.poll();
    std::vector<int> made = open_sockets();
    std::erase_if(
        made, [&](int fd) { return std::find(before.begin(), before.end(), fd) != before.end(); });
    BOOST_TEST(!made.empty());
    for (int const fd : made)
        BOOST_TEST((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    waiting.clear();
    full.close();
    p.signal(SIGKILL);
    context.run_for(scaled(10s));
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE(attempts_to_connect_keep_their_distance)
{
    asio::io_context context(1);
    {
        process p = execasio::spawn(context.get_executor(), puppet("pause-forever"));
        asio::co_spawn(context, execasio::ready(p, readiness::port(1)), [](std::exception_ptr) {});
        // 10, 20, 40, 80, 160, 250 ms: with both addresses and the timer three or four turns each.
        std::size_t const turns = context.run_for(500ms);
        BOOST_TEST(turns <= 30u);
    }
    context.run_for(scaled(10s)); // its end is the end of the waiting
    BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_SUITE_END()
