#include "system_log.hpp"

#include "support/scratch_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <regex>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

using exec_port::system_log;
using test::scratch_directory;

namespace {

class logger {
public:
    explicit logger(std::string const& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ::unlink(path.c_str());
        BOOST_REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    logger(logger const&) = delete;
    logger& operator=(logger const&) = delete;
    ~logger() { ::close(socket_); }

    /// Empty when there is none.
    [[nodiscard]] std::string next() const
    {
        char text[1024];
        ssize_t const size = ::recv(socket_, text, sizeof text, MSG_DONTWAIT);
        return {text, size > 0 ? static_cast<std::size_t>(size) : 0U};
    }

private:
    int socket_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(system_logging)

BOOST_AUTO_TEST_CASE(a_message_is_as_syslog_writes_it)
{
    scratch_directory const d;
    logger const l(d.file("log"));
    system_log log("exec-port", d.file("log"));
    BOOST_TEST(log.write(LOG_DAEMON | LOG_WARNING, "a message"));
    std::regex const form("<28>[A-Z][a-z]{2} [ 123][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} exec-port\\[" +
                          std::to_string(::getpid()) + "\\]: a message");
    std::string const text = l.next();
    BOOST_TEST_INFO(text);
    BOOST_TEST(std::regex_match(text, form));
}

BOOST_AUTO_TEST_CASE(a_logger_that_does_not_read_holds_up_nobody)
{
    scratch_directory const d;
    logger const l(d.file("log"));
    system_log log("exec-port", d.file("log"));
    int taken = 0;
    while (log.write(LOG_DAEMON | LOG_ERR, std::to_string(taken)))
        ++taken;
    BOOST_TEST(taken > 0);
    for (int i = 0; i < taken; ++i)
        BOOST_TEST(l.next().ends_with("]: " + std::to_string(i)));
    BOOST_TEST(log.write(LOG_DAEMON | LOG_ERR, "again"));
}

BOOST_AUTO_TEST_CASE(a_logger_may_be_started_later_and_anew)
{
    scratch_directory const d;
    system_log log("exec-port", d.file("log"));
    BOOST_TEST(!log.write(LOG_DAEMON | LOG_ERR, "lost"));
    for (int i = 0; i < 2; ++i) {
        logger const l(d.file("log"));
        BOOST_TEST(log.write(LOG_DAEMON | LOG_ERR, "taken"));
        BOOST_TEST(l.next().ends_with("taken"));
    }
    BOOST_TEST(!log.write(LOG_DAEMON | LOG_ERR, "lost"));
}

BOOST_AUTO_TEST_CASE(a_path_that_no_socket_can_have_is_nobodys)
{
    system_log log("exec-port", "/" + std::string(200, 'x'));
    BOOST_TEST(!log.write(LOG_DAEMON | LOG_ERR, "lost"));
}

BOOST_AUTO_TEST_SUITE_END()
