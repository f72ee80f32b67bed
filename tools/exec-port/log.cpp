#include "log.hpp"

#include <unistd.h>

namespace exec_port {

int log::level = 0;

void log::warn(std::string const& text)
{
    std::string const line = "exec-port: " + text + "\r\n"; // the VM's terminal may be in raw mode
    // Nowhere to complain about a failure to complain.
    [[maybe_unused]] auto const ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace exec_port
