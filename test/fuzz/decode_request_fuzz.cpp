#include "../../tools/exec-port/decode_request.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Every input is the payload of one frame. The sanitizers judge.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size)
{
    exec_port::decode_request(std::string_view(reinterpret_cast<char const*>(data), size));
    return 0;
}
