#pragma once

#include <initializer_list>

#include <signal.h>

namespace test {

/// A shell's background job ignores some signals, and so does what nohup runs: tests that look at
/// them begin the same way everywhere.
struct same_signals {
    same_signals()
    {
        for (int const number : {SIGHUP, SIGINT, SIGQUIT})
            ::signal(number, SIG_DFL);
    }
};

} // namespace test
