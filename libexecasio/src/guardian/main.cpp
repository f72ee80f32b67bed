#include "linux/guard_slot.hpp"

/// Started by the library with descriptors 3 and 4; with an argument also with 0 and 1, to become
/// nobody's child.
int main(int argc, char**)
{
    if (argc > 1 && !execasio::sys::leave_parent(0, 1))
        return 3;
    return execasio::sys::guardian_main(3, 4);
}
