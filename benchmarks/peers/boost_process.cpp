// Boost.Process v2 as of Boost 1.81, with its default launcher.

#include "peers/peer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>

#include <algorithm>
#include <functional>
#include <list>

#include <signal.h>

namespace benchmark {
namespace {

namespace asio = boost::asio;
namespace process = boost::process::v2;

/// Keeps some running until enough were.
class spawner {
public:
    spawner(asio::io_context& context, std::string program, long long n)
        : context_(context),
          program_(std::move(program)),
          left_(n)
    {
    }

    void begin_one()
    {
        if (left_ == 0)
            return;
        --left_;
        auto const at = children_.emplace(children_.end(), context_, program_, no_arguments_);
        at->async_wait([this, at](boost::system::error_code ec, int code) {
            verify(!ec && code == 0, "a child did not exit with 0");
            children_.erase(at);
            begin_one();
        });
    }

private:
    asio::io_context& context_;
    std::string program_;
    std::vector<std::string> no_arguments_;
    long long left_;
    std::list<process::process> children_;
};

void spawn_all(std::string const& program, long long n, long long concurrent)
{
    asio::io_context context(1);
    spawner all(context, program, n);
    for (long long i = 0; i < std::min(n, concurrent); ++i)
        all.begin_one();
    context.run();
}

class idle_children {
public:
    explicit idle_children(long long n)
    {
        std::string const pause = helper("pb_pause");
        for (long long i = 0; i < n; ++i) {
            held_.emplace_back(context_, pause, no_arguments_);
            held_.back().async_wait([](boost::system::error_code, int) {});
        }
    }

    void run(std::string const& program)
    {
        process::process child(context_, program, no_arguments_);
        bool ended = false;
        child.async_wait([&](boost::system::error_code ec, int code) {
            verify(!ec && code == 0, "a child did not exit with 0");
            ended = true;
        });
        while (!ended)
            context_.run_one();
    }

    void end()
    {
        for (process::process& p : held_)
            ::kill(p.id(), SIGKILL);
        context_.run();
    }

private:
    asio::io_context context_{1};
    std::vector<std::string> no_arguments_;
    std::list<process::process> held_;
};

boost::json::object capture(arguments const& args)
{
    asio::io_context context(1);
    asio::readable_pipe output(context);
    std::vector<char> buffer(64 * 1024);
    long long got = 0;
    std::vector<std::string> const words{args.text(0, "0")};
    section measured;
    process::process child(context, helper("pb_write"), words,
                           process::process_stdio{{}, output, {}});
    std::function<void()> const read = [&] {
        output.async_read_some(asio::buffer(buffer),
                               [&](boost::system::error_code ec, std::size_t size) {
                                   got += static_cast<long long>(size);
                                   if (!ec)
                                       read();
                               });
    };
    read();
    child.async_wait([](boost::system::error_code ec, int code) {
        verify(!ec && code == 0, "the writer did not exit with 0");
    });
    context.run();
    measured.stop();
    verify(got == args.number(0), "a wrong number of bytes was captured");
    return capture_report(measured, got);
}

} // namespace
} // namespace benchmark

int main(int argc, char** argv)
{
    using namespace benchmark;
    return peer_main(argc, argv,
                     {{"spawn_wait", spawn_wait<spawn_all>},
                      {"spawn_rss", spawn_rss<spawn_all>},
                      {"idle_load", idle_load<idle_children>},
                      {"capture", capture}});
}
