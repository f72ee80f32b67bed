#include "execasio/stream.hpp"

#include <fcntl.h>

namespace execasio {

stream stream::read(std::string path)
{
    return {std::move(path), O_RDONLY, 0};
}

stream stream::truncate(std::string path, mode_t mode)
{
    return {std::move(path), O_WRONLY | O_CREAT | O_TRUNC, mode};
}

stream stream::append(std::string path, mode_t mode)
{
    return {std::move(path), O_WRONLY | O_CREAT | O_APPEND, mode};
}

stream stream::descriptor(int fd) noexcept
{
    stream s(inherit);
    s.kind_ = kind::descriptor;
    s.fd_ = fd;
    return s;
}

} // namespace execasio
