#include "port_client.hpp"

#include "frame.hpp"

#include <boost/asio/buffer.hpp>

#include <stdexcept>

namespace execasio_tool {
namespace {

constexpr auto frames = exec_port::framing::packet_2();

/// The few kinds of terms that requests are made of, in the external term format (ERTS
/// documentation, "External Term Format").
class term_text {
public:
    term_text& byte(int value)
    {
        bytes_ += static_cast<char>(value);
        return *this;
    }
    term_text& word(std::uint64_t value, int size)
    {
        while (size-- > 0)
            byte(static_cast<int>(value >> (8 * size) & 0xff));
        return *this;
    }
    term_text& tuple(int arity) { return byte(104).byte(arity); }
    term_text& list(std::size_t length) { return byte(108).word(length, 4); }
    term_text& nil() { return byte(106); }
    term_text& integer(std::int64_t value)
    {
        return byte(98).word(static_cast<std::uint32_t>(value), 4);
    }
    term_text& atom(std::string_view name)
    {
        byte(119).byte(static_cast<int>(name.size()));
        bytes_ += name;
        return *this;
    }
    term_text& binary(std::string_view data)
    {
        byte(109).word(data.size(), 4);
        bytes_ += data;
        return *this;
    }
    [[nodiscard]] std::string const& bytes() const { return bytes_; }

private:
    std::string bytes_ = "\x83"; // the format's version
};

} // namespace

asio::awaitable<void> port_client::run(std::int64_t id, std::vector<std::string> const& command,
                                       std::int64_t kill_timeout)
{
    term_text t;
    t.tuple(2).integer(id).tuple(3).atom("run").list(command.size());
    for (std::string const& word : command)
        t.binary(word);
    t.nil().list(3).atom("stdout").atom("stderr");
    t.tuple(2).atom("kill_timeout").integer(kill_timeout).nil();
    co_await send(t.bytes());
}

asio::awaitable<void> port_client::stop(std::int64_t id, int os_pid)
{
    term_text t;
    t.tuple(2).integer(id).tuple(2).atom("stop").integer(os_pid);
    co_await send(t.bytes());
}

asio::awaitable<void> port_client::send(std::string const& payload)
{
    if (payload.size() > frames.payload_max())
        throw std::length_error("the command is too long for a frame of the port protocol");
    std::string frame(frames.length_size(), '\0');
    frame += payload;
    frames.write_length(frame.data() + frames.length_size(), payload.size());
    co_await port_.input().write(asio::buffer(frame));
}

asio::awaitable<bool> port_client::read_exactly(char* to, std::size_t size)
{
    while (size != 0) {
        std::size_t const n = co_await port_.output().read_some(asio::buffer(to, size));
        if (n == 0)
            co_return false;
        to += n;
        size -= n;
    }
    co_return true;
}

asio::awaitable<std::optional<std::string>> port_client::next()
{
    char length[frames.length_size()];
    bool const has_length = co_await read_exactly(length, sizeof length);
    if (!has_length)
        co_return std::nullopt;
    std::string payload(frames.read_length(length), '\0');
    bool const whole = co_await read_exactly(payload.data(), payload.size());
    if (!whole)
        co_return std::nullopt;
    co_return payload;
}

} // namespace execasio_tool
