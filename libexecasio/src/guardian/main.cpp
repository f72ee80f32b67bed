#include "linux/guard_slot.hpp"

#include <cstring>

#include <sys/prctl.h>

/// Started by the library with descriptors 3 and 4. Arguments: "private", not to be traced or read
/// by others of its user; "detached", with 0 and 1 as well, to become nobody's child.
int main(int argc, char** argv)
{
    bool detached = false;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "private") == 0)
            ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        else
            detached = true;
    }
    if (detached && !execasio::sys::leave_parent(0, 1))
        return 3;
    return execasio::sys::guardian_main(3, 4);
}
