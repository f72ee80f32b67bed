#include "linux/guard_slot.hpp"

/// Started by the library with these two descriptors and no other.
int main()
{
    return execasio::sys::guardian_main(3, 4);
}
