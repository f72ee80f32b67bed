// What the port answers.
#include "port.hpp"

#include "describe_request.hpp"
#include "log.hpp"

#include <utility>

namespace exec_port {

using execasio::error_code;

void port::handle(std::int64_t id, refusal const& r)
{
    refuse({id}, r);
}

void port::answer(std::int64_t id, error_code ec)
{
    if (ec)
        refuse({id}, refusal::because(ec));
    else
        reply(id, encode_ok(id));
}

void port::refuse(reply_to const& to, refusal const& why)
{
    log::trace(2, [&] { return describe(to.id, why); });
    std::string text = encode_error(to.id, why);
    std::size_t const size = text.size();
    reply(to, size, [this, text = std::move(text)] { writer_.send(text); });
}

void port::reply(std::int64_t id, std::string text)
{
    std::size_t const size = text.size();
    reply({id}, size, [this, text = std::move(text)] { writer_.send(text); });
}

void port::reply(reply_to const& to, std::size_t size, reply_order::sender send)
{
    if (to.place && *to.place)
        replies_.fill(*std::exchange(*to.place, std::nullopt), size, std::move(send));
    else if (to.place)
        return;          // what failed after the reply is no second one
    else if (to.id == 0) // nobody waits for it
        send();
    else
        replies_.add(size, std::move(send));
}
} // namespace exec_port
