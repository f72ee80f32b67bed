// The children that the scenarios run: as small as a program can be with the C library, so that
// what is measured is the parent. Compiled once for each role (CMakeLists.txt).

#include <cstdlib>

#include <signal.h>
#include <unistd.h>

namespace {

enum class role { nop, pause, write, echo, stubborn };

void write_all(char const* data, std::size_t size)
{
    while (size != 0) {
        ssize_t const n = ::write(STDOUT_FILENO, data, size);
        if (n <= 0)
            ::_exit(1);
        data += n;
        size -= static_cast<std::size_t>(n);
    }
}

char buffer[64 * 1024];

void write_zeros(unsigned long long bytes)
{
    while (bytes != 0) {
        std::size_t const size = bytes < sizeof buffer ? bytes : sizeof buffer;
        write_all(buffer, size);
        bytes -= size;
    }
}

void echo()
{
    for (ssize_t n; (n = ::read(STDIN_FILENO, buffer, sizeof buffer)) > 0;)
        write_all(buffer, static_cast<std::size_t>(n));
}

} // namespace

int main(int argc, char** argv)
{
    switch (role::CHILD_ROLE) {
    case role::nop: break;
    case role::stubborn:
        ::signal(SIGTERM, SIG_IGN);
        write_all("R", 1);
        [[fallthrough]];
    case role::pause:
        for (;;)
            ::pause();
    case role::write: write_zeros(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0); break;
    case role::echo: echo(); break;
    }
    return 0;
}
