// libuv (libuv1-dev): uv_spawn, its pipes, one loop.

#include "peers/peer.hpp"

#include <algorithm>
#include <deque>

#include <signal.h>
#include <uv.h>

namespace benchmark {
namespace {

class loop {
public:
    loop() { verify(uv_loop_init(&loop_) == 0, "uv_loop_init"); }
    loop(loop const&) = delete;
    loop& operator=(loop const&) = delete;
    ~loop()
    {
        run(); // what is being closed
        uv_loop_close(&loop_);
    }
    void run() { uv_run(&loop_, UV_RUN_DEFAULT); }
    uv_loop_t* get() { return &loop_; }

private:
    uv_loop_t loop_{};
};

template <class Handle>
void close(Handle& handle)
{
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
}

struct child {
    uv_process_t process{};
    void (*ended)(void* context, long long status, int signal) = nullptr;
    void* context = nullptr;
};

void start(loop& l, child& c, std::string const& program, std::string const& argument = "",
           uv_pipe_t* input = nullptr, uv_pipe_t* output = nullptr)
{
    std::string file = program;
    std::string word = argument;
    char* words[] = {file.data(), argument.empty() ? nullptr : word.data(), nullptr};
    uv_stdio_container_t streams[3]{};
    for (int i = 0; i < 3; ++i) {
        streams[i].flags = UV_INHERIT_FD;
        streams[i].data.fd = i;
    }
    auto const pipe = [&](int i, uv_pipe_t* p, int direction) {
        if (!p)
            return;
        streams[i].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | direction);
        streams[i].data.stream = reinterpret_cast<uv_stream_t*>(p);
    };
    pipe(0, input, UV_READABLE_PIPE);
    pipe(1, output, UV_WRITABLE_PIPE);
    uv_process_options_t options{};
    options.file = file.c_str();
    options.args = words;
    options.stdio = streams;
    options.stdio_count = 3;
    options.exit_cb = [](uv_process_t* p, std::int64_t status, int signal) {
        auto* const self = static_cast<child*>(p->data);
        close(*p);
        self->ended(self->context, status, signal);
    };
    c.process.data = &c;
    verify(uv_spawn(l.get(), &c.process, &options) == 0, "uv_spawn");
}

/// Keeps some running until enough were.
class spawner {
public:
    spawner(loop& l, std::string program, long long n)
        : loop_(l),
          program_(std::move(program)),
          left_(n)
    {
    }

    void begin_one()
    {
        if (left_ == 0)
            return;
        --left_;
        child& c = children_.emplace_back();
        c.context = this;
        c.ended = [](void* self, long long status, int signal) {
            verify(status == 0 && signal == 0, "a child did not exit with 0");
            static_cast<spawner*>(self)->begin_one();
        };
        start(loop_, c, program_);
    }

private:
    loop& loop_;
    std::string program_;
    long long left_;
    std::deque<child> children_; // a handle stays until it is closed
};

void spawn_all(std::string const& program, long long n, long long concurrent)
{
    loop l;
    spawner all(l, program, n);
    for (long long i = 0; i < std::min(n, concurrent); ++i)
        all.begin_one();
    l.run();
}

class idle_children {
public:
    explicit idle_children(long long n)
    {
        std::string const pause = helper("pb_pause");
        for (long long i = 0; i < n; ++i) {
            child& c = children_.emplace_back();
            c.context = this;
            c.ended = [](void* self, long long, int signal) {
                auto* const all = static_cast<idle_children*>(self);
                verify(all->ending_ && signal == SIGKILL, "a child ended in another way");
            };
            start(loop_, c, pause);
        }
    }

    void run(std::string const& program)
    {
        bool ended = false;
        child c;
        c.context = &ended;
        c.ended = [](void* flag, long long status, int signal) {
            verify(status == 0 && signal == 0, "a child did not exit with 0");
            *static_cast<bool*>(flag) = true;
        };
        start(loop_, c, program);
        while (!ended) // which also closes the handle, at the end of the same turn
            uv_run(loop_.get(), UV_RUN_ONCE);
    }

    void end()
    {
        ending_ = true;
        for (child& c : children_)
            uv_process_kill(&c.process, SIGKILL);
        loop_.run(); // as long as they are there
    }

private:
    loop loop_;
    std::deque<child> children_;
    bool ending_ = false;
};

/// Reads a pipe into one buffer and counts.
struct reader {
    uv_pipe_t pipe{};
    std::vector<char> buffer = std::vector<char>(64 * 1024);
    long long got = 0;
    long long wanted = 0; ///< where to stop the loop; 0: at the end only

    explicit reader(loop& l)
    {
        uv_pipe_init(l.get(), &pipe, 0);
        pipe.data = this;
    }

    void begin()
    {
        uv_read_start(
            reinterpret_cast<uv_stream_t*>(&pipe),
            [](uv_handle_t* h, std::size_t, uv_buf_t* to) {
                auto* const self = static_cast<reader*>(h->data);
                *to = uv_buf_init(self->buffer.data(), static_cast<unsigned>(self->buffer.size()));
            },
            [](uv_stream_t* s, ssize_t size, uv_buf_t const*) {
                auto* const self = static_cast<reader*>(s->data);
                if (size < 0)
                    close(self->pipe);
                else
                    self->got += size;
                if (self->wanted != 0 && self->got >= self->wanted)
                    uv_stop(s->loop);
            });
    }
};

boost::json::object capture(arguments const& args)
{
    loop l;
    reader output(l);
    child c;
    c.ended = [](void*, long long status, int) { verify(status == 0, "the writer failed"); };
    section measured;
    start(l, c, helper("pb_write"), args.text(0, "0"), nullptr, &output.pipe);
    output.begin();
    l.run();
    measured.stop();
    verify(output.got == args.number(0), "a wrong number of bytes was captured");
    return capture_report(measured, output.got);
}

boost::json::object echo_latency(arguments const& args)
{
    loop l;
    uv_pipe_t input{};
    uv_pipe_init(l.get(), &input, 0);
    reader output(l);
    child c;
    c.ended = [](void*, long long status, int) { verify(status == 0, "the echo failed"); };
    start(l, c, helper("pb_echo"), "", &input, &output.pipe);
    output.begin();
    char message[64] = {};
    uv_write_t request{};
    auto const round_trip = [&] {
        output.wanted += 64;
        uv_buf_t const data = uv_buf_init(message, sizeof message);
        uv_write(&request, reinterpret_cast<uv_stream_t*>(&input), &data, 1,
                 [](uv_write_t*, int status) { verify(status == 0, "write"); });
        while (output.got < output.wanted)
            uv_run(l.get(), UV_RUN_DEFAULT);
    };
    for (int i = 0; i < 50; ++i)
        round_trip();
    std::vector<double> times;
    section measured;
    for (long long i = 0; i < args.number(0); ++i) {
        auto const begin = clock::now();
        round_trip();
        times.push_back(seconds_since(begin) * 1e6);
    }
    measured.stop();
    output.wanted = 0;
    close(input);
    l.run();
    return latency_report(measured, "echo_latency", times);
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
                      {"capture", capture},
                      {"echo_latency", echo_latency}});
}
