#pragma once

namespace test {

/// From its construction on, one allocation of this thread fails: the n-th. All others succeed.
class failing_allocation {
public:
    explicit failing_allocation(long n) noexcept;
    failing_allocation(failing_allocation const&) = delete;
    failing_allocation& operator=(failing_allocation const&) = delete;
    ~failing_allocation();

    /// Whether it has come to that.
    [[nodiscard]] static bool happened() noexcept;
};

} // namespace test
