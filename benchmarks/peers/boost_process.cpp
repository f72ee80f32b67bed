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

boost::json::object spawn_and_wait(std::string const& scenario, long long n, long long concurrent,
                                   std::string const& program)
{
    asio::io_context context(1);
    spawner all(context, program, n);
    section measured;
    for (long long i = 0; i < std::min(n, concurrent); ++i)
        all.begin_one();
    context.run();
    measured.stop();
    return spawn_report(measured, scenario, n, concurrent);
}

boost::json::object spawn_wait(arguments const& args)
{
    return spawn_and_wait("spawn_wait", args.number(0), args.number(1), args.text(2, "/bin/true"));
}

boost::json::object spawn_rss(arguments const& args)
{
    touched_heap const heap(args.number(0));
    auto report =
        spawn_and_wait("spawn_rss", args.number(1), args.number(2, 1), args.text(3, "/bin/true"));
    report["heap_mb"] = args.number(0);
    return report;
}

boost::json::object idle_load(arguments const& args)
{
    asio::io_context context(1);
    std::vector<std::string> const no_arguments;
    std::list<process::process> held;
    std::string const pause = helper("pb_pause");
    for (long long i = 0; i < args.number(0); ++i) {
        held.emplace_back(context, pause, no_arguments);
        held.back().async_wait([](boost::system::error_code, int) {});
    }
    std::string const program = args.text(2, helper("pb_nop"));
    std::vector<double> times;
    section measured;
    for (long long i = 0; i < args.number(1); ++i) {
        auto const begin = clock::now();
        process::process child(context, program, no_arguments);
        bool ended = false;
        child.async_wait([&](boost::system::error_code ec, int code) {
            verify(!ec && code == 0, "a child did not exit with 0");
            ended = true;
        });
        while (!ended)
            context.run_one();
        times.push_back(seconds_since(begin) * 1e6);
    }
    measured.stop();
    for (process::process& p : held)
        ::kill(p.id(), SIGKILL);
    context.run();
    auto report = latency_report(measured, "idle_load", times);
    report["k"] = args.number(0);
    return report;
}

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
                     {{"spawn_wait", spawn_wait},
                      {"spawn_rss", spawn_rss},
                      {"idle_load", idle_load},
                      {"capture", capture}});
}
