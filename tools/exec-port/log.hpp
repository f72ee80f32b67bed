#pragma once

#include <string>

namespace exec_port {

/// Messages on the port's standard error, which is the Erlang VM's. One write each, so that those
/// of several ports do not mix.
class log {
public:
    /// 0: only what somebody has to act on.
    static int level;

    /// For people, whatever the level.
    static void warn(std::string const& text);

    /// Traces; `what` is only composed when the level asks for it.
    template <class Text>
    static void trace(int at, Text&& what)
    {
        if (level >= at)
            warn(what());
    }
};

} // namespace exec_port
