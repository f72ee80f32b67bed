#pragma once

#include <cstddef>

namespace test {

/// How many descriptors this process has open.
std::size_t open_descriptors();

/// Whether this process has a child, zombies included.
bool has_children();

/// The fixture of every suite: after a test there is no process, no zombie and no descriptor more
/// than before.
class no_leaks {
public:
    no_leaks();
    void teardown();

private:
    std::size_t descriptors_before_;
};

} // namespace test
