#include "linux/capability_calls.hpp"

#include <array>

#include <linux/capability.h>
#include <sys/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {

std::optional<unsigned> capability_number(std::string_view name) noexcept
{
    // Lower case, with the prefix, in a buffer that the longest name fits into.
    std::array<char, 40> text{"cap_"};
    constexpr std::size_t prefix = 4;
    std::size_t size = 0;
    for (char const c : name) {
        if (prefix + size + 1 >= text.size())
            return std::nullopt;
        bool const upper = c >= 'A' && c <= 'Z';
        char const lower = upper ? static_cast<char>(c - 'A' + 'a') : c;
        if ((lower < 'a' || lower > 'z') && lower != '_') // libcap itself would take digits
            return std::nullopt;
        text[prefix + size++] = lower;
    }
    bool const has_prefix = std::string_view(text.data() + prefix, size).starts_with("cap_");
    cap_value_t number = -1;
    if (::cap_from_name(text.data() + (has_prefix ? prefix : 0), &number) != 0 || number < 0)
        return std::nullopt;
    return static_cast<unsigned>(number);
}

std::string capability_name(unsigned number)
{
    // Beyond its own list libcap gives the number alone.
    char* const text = ::cap_to_name(static_cast<cap_value_t>(number));
    std::string name = text ? text : std::to_string(number);
    ::cap_free(text);
    return name.starts_with("cap_") ? name : "cap_" + name;
}

unsigned last_capability() noexcept
{
    return static_cast<unsigned>(::cap_max_bits()) - 1;
}

std::uint64_t permitted_capabilities() noexcept
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) != 0)
        return 0;
    return data[0].permitted | std::uint64_t{data[1].permitted} << 32;
}

} // namespace execasio::sys
