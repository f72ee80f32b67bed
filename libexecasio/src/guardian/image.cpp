#include "guardian/image.hpp"

// In the library itself, so that it cannot be missing or of another version at run time.
asm(".pushsection .rodata.execasio_guardian, \"a\", %progbits\n"
    ".balign 16\n"
    ".hidden execasio_guardian_begin\n"
    ".globl execasio_guardian_begin\n"
    "execasio_guardian_begin:\n"
    ".incbin \"" EXECASIO_GUARDIAN_FILE "\"\n"
    ".hidden execasio_guardian_end\n"
    ".globl execasio_guardian_end\n"
    "execasio_guardian_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
__attribute__((visibility("hidden"))) extern char const execasio_guardian_begin[];
__attribute__((visibility("hidden"))) extern char const execasio_guardian_end[];
}

namespace execasio::detail {

char const* guardian_image::data() noexcept
{
    return execasio_guardian_begin;
}

std::size_t guardian_image::size() noexcept
{
    return static_cast<std::size_t>(execasio_guardian_end - execasio_guardian_begin);
}

} // namespace execasio::detail
