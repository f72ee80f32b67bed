#include "support/background_write.hpp"
#include "support/conditions.hpp"
#include "support/errors.hpp"
#include "support/filter.hpp"
#include "support/no_leaks.hpp"
#include "support/pipe.hpp"
#include "support/pipe_streams.hpp"
#include "support/print.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include <execasio/input_stream.hpp>
#include <execasio/spawn.hpp>

#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <string>
#include <thread>

#include <signal.h>
#include <sys/syscall.h>

namespace asio = boost::asio;
using execasio::errc;
using execasio::error_code;
using execasio::input_stream;
using execasio::process;
using test::background_write;
using test::error_of;
using test::fill;
using test::pipe_ends;
using test::run_coroutine;
using test::some_turns;
using test::spawn_gated;
using test::writer_of;

namespace {

bool sigpipe_is_pending()
{
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGPIPE) == 1;
}

bool sigpipe_is_blocked()
{
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return ::sigismember(&mask, SIGPIPE) == 1;
}

void write_to_nobody()
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        for (bool const waits : {false, true}) {
            pipe_ends pipe;
            input_stream in = writer_of(ex, pipe);
            if (!waits) {
                pipe.close_reader();
                error_code const ec = co_await error_of(in.write(asio::buffer("x", 1)));
                BOOST_TEST(ec == asio::error::broken_pipe);
            } else { // the reader goes while the writer waits
                fill(in);
                background_write writing(ex, in, std::string(100000, 'x'));
                co_await some_turns();
                BOOST_TEST(!writing.done);
                pipe.close_reader();
                co_await test::until([&] { return writing.done; });
                BOOST_TEST(writing.ec == asio::error::broken_pipe);
            }
            BOOST_TEST(!in.is_open());
            error_code const ec = co_await error_of(in.write(asio::buffer("x", 1)));
            BOOST_TEST(ec == errc::not_piped);
        }
        pipe_ends pipe;
        input_stream in = writer_of(ex, pipe);
        pipe.close_reader();
        error_code ec;
        BOOST_TEST(in.try_write(asio::buffer("x", 1), ec) == 0u);
        BOOST_TEST(ec == asio::error::broken_pipe);
    });
}

void write_to_nobody_in_all_dispositions()
{
    BOOST_TEST(!sigpipe_is_blocked());
    for (auto const disposition : {SIG_DFL, SIG_IGN}) {
        auto const before = ::signal(SIGPIPE, disposition);
        write_to_nobody();
        BOOST_TEST(!sigpipe_is_pending());
        BOOST_TEST(!sigpipe_is_blocked());
        BOOST_TEST((::signal(SIGPIPE, before) == disposition));
    }
    sigset_t pipe_signal;
    sigset_t before;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    write_to_nobody();
    BOOST_TEST(!sigpipe_is_pending());
    BOOST_TEST(sigpipe_is_blocked());

    ::pthread_kill(::pthread_self(), SIGPIPE); // one of the caller's own is not taken away
    write_to_nobody();
    BOOST_TEST(sigpipe_is_pending());
    timespec const at_once{};
    BOOST_TEST(::sigtimedwait(&pipe_signal, nullptr, &at_once) == SIGPIPE);
    BOOST_TEST(!sigpipe_is_pending());
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(input, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_reader_that_has_gone_is_an_error_and_no_signal)
{
    write_to_nobody_in_all_dispositions();
}

BOOST_AUTO_TEST_CASE(a_child_that_exits_ends_its_writer)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        process p = spawn_gated(ex, "exit", "3");
        std::string const much(1'000'000, 'x');
        error_code const ec = co_await error_of(p.input().write(asio::buffer(much)));
        BOOST_TEST(ec == asio::error::broken_pipe);
        execasio::exit_record const how = co_await p.wait();
        BOOST_TEST(how.code() == 3);
    });
}

BOOST_AUTO_TEST_CASE(nor_is_it_a_signal_where_the_kernel_does_not_help)
{
    // A filter holds for one thread. What the library has learnt from it holds for the rest of the
    // program, so this comes last.
    std::thread([] {
        test::refuse_system_calls({SYS_pwritev2}, ENOSYS);
        write_to_nobody_in_all_dispositions();
    }).join();
}

BOOST_AUTO_TEST_SUITE_END()
