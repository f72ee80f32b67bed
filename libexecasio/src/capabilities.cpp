#include "execasio/capabilities.hpp"

#include "execasio/error.hpp"
#include "linux/capability_calls.hpp"

#include <charconv>

#include <strings.h>

namespace execasio {
namespace {

constexpr unsigned count = 64; // what capset(2) has room for

[[noreturn]] void refuse(std::string const& name)
{
    throw boost::system::system_error(errc::no_such_capability, "'" + name + "'");
}

} // namespace

capabilities capabilities::all() noexcept
{
    unsigned const last = sys::last_capability();
    return from_mask(last >= count - 1 ? ~std::uint64_t{0} : (std::uint64_t{2} << last) - 1);
}

capabilities capabilities::held() noexcept
{
    return from_mask(sys::permitted_capabilities());
}

capabilities capabilities::from_mask(std::uint64_t mask) noexcept
{
    capabilities set;
    set.mask_ = mask;
    return set;
}

std::optional<unsigned> capabilities::number_of(std::string_view name) noexcept
{
    return sys::capability_number(name);
}

std::string capabilities::name_of(unsigned number)
{
    return sys::capability_name(number);
}

capabilities& capabilities::add(std::string_view name)
{
    if (name.size() == 3 && ::strncasecmp(name.data(), "all", 3) == 0)
        return add(all());
    if (auto const known = number_of(name))
        return add(*known);
    // "63", or as `name_of` writes it.
    std::string_view const digits = name.substr(name.starts_with("cap_") ? 4 : 0);
    unsigned number = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size())
        refuse(std::string(name));
    return add(number);
}

capabilities& capabilities::add(unsigned number)
{
    if (number >= count)
        refuse(std::to_string(number));
    mask_ |= std::uint64_t{1} << number;
    return *this;
}

capabilities& capabilities::add(capabilities const& others) noexcept
{
    mask_ |= others.mask_;
    return *this;
}

capabilities& capabilities::remove(capabilities const& others) noexcept
{
    mask_ &= ~others.mask_;
    return *this;
}

std::string describe(capabilities const& set)
{
    std::string text;
    for (unsigned number = 0; number < count; ++number)
        if (set.contains(number))
            text += (text.empty() ? "" : ",") + capabilities::name_of(number);
    return text;
}

} // namespace execasio
