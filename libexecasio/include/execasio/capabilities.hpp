#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace execasio {

/// A set of Linux capabilities (capabilities(7)). A small value.
///
/// Names are those of libcap, with or without `cap_`, in upper or lower case. A capability that is
/// newer than the libcap in use goes by its number.
class capabilities {
public:
    capabilities() noexcept = default; ///< none

    /// `capabilities("net_bind_service", "CAP_KILL")`.
    /// @throws boost::system::system_error `errc::no_such_capability`, with the name in its
    /// message.
    template <class... Names>
    requires(sizeof...(Names) > 0 && (std::convertible_to<Names const&, std::string_view> &&
                                      ...)) explicit capabilities(Names const&... names)
    {
        (add(std::string_view(names)), ...);
    }

    /// All that the running kernel knows. The system may have taken some from this program: see
    /// `held`.
    static capabilities all() noexcept;

    /// The permitted set of the calling thread: what it could give to a child.
    static capabilities held() noexcept;

    /// Bit N stands for the capability with number N, as in /proc/PID/status.
    static capabilities from_mask(std::uint64_t mask) noexcept;

    /// A name; `all`; or a number in digits.
    /// @throws boost::system::system_error `errc::no_such_capability`
    capabilities& add(std::string_view name);
    /// @param number 0 to 63; whether the kernel has it shows at the launch.
    /// @throws boost::system::system_error `errc::no_such_capability`
    capabilities& add(unsigned number);
    capabilities& add(capabilities const& others) noexcept;
    capabilities& remove(capabilities const& others) noexcept;

    [[nodiscard]] bool contains(unsigned number) const noexcept
    {
        return number < 64 && (mask_ >> number & 1) != 0;
    }
    [[nodiscard]] bool empty() const noexcept { return mask_ == 0; }
    [[nodiscard]] std::uint64_t mask() const noexcept { return mask_; }

    /// The number that a name stands for: libcap's names in all the forms above, not `all`, and no
    /// digits.
    static std::optional<unsigned> number_of(std::string_view name) noexcept;

    /// As libcap writes it, "cap_kill"; "cap_63" for one that it does not know.
    static std::string name_of(unsigned number);

    friend bool operator==(capabilities const&, capabilities const&) noexcept = default;

private:
    std::uint64_t mask_ = 0;
};

/// The names, separated by commas.
std::string describe(capabilities const& set);

} // namespace execasio
