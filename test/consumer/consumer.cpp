// A program of somebody who has nothing but the installed package.

#include <execasio/execasio.hpp>
#include <execasio/initializers.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <iostream>
#include <utility>

namespace {

boost::asio::awaitable<execasio::exit_record> run_true()
{
    auto const ex = co_await boost::asio::this_coro::executor;
    execasio::command const cmd("/bin/true");
    execasio::process child = execasio::spawn(ex, cmd);
    co_return co_await child.wait();
}

} // namespace

int main()
{
    boost::asio::io_context context;
    execasio::exit_record how;
    std::exception_ptr failure;
    boost::asio::co_spawn(context, run_true(),
                          [&](std::exception_ptr e, execasio::exit_record record) {
                              failure = std::move(e);
                              how = record;
                          });
    context.run();
    if (failure)
        std::rethrow_exception(failure);

    std::cout << "/bin/true: " << execasio::describe(how) << '\n';
    return how.success() && how.wall_time().count() > 0 ? 0 : 1;
}
