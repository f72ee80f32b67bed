#pragma once

#include <string>

namespace exec_port {

/// What the port has to say to people: on standard error, which is the Erlang VM's, unless it was
/// told another place. One write for each message, so that those of several ports do not mix.
/// Never waits: who does not read the messages must not hold up the port. How many are lost is told
/// when there is room again.
class log {
public:
    /// In the order of syslog(3)'s, of which these are four.
    enum class severity {
        error,   ///< the port cannot go on, or cannot do what it is there for
        warning, ///< something was refused or given up that somebody may miss
        info,    ///< starts and ends of processes
        debug,   ///< traces; which ones is a matter of `debug_level`
    };

    /// Messages beyond this are dropped.
    static severity threshold;

    /// 0 (none) to 10: which traces are wanted. Those are told whatever the threshold.
    static int debug_level;

    /// Messages for a terminal on standard error do not wait, should it be stopped.
    static void to_terminal();

    /// From now on messages are appended to a file, which is made (mode 0640) if there is none.
    /// @return 0 or an errno; then nothing has changed.
    static int to_file(std::string const& path);

    /// From now on messages go to the system's log, as "exec-port" of the facility "daemon". Warns
    /// on standard error when nobody is there to take them.
    static void to_syslog();

    static void error(std::string const& text) { write(severity::error, text); }
    static void warning(std::string const& text)
    {
        if (threshold >= severity::warning)
            write(severity::warning, text);
    }

    /// `what` is only composed when it is wanted.
    template <class Text>
    static void info(Text&& what)
    {
        if (threshold >= severity::info)
            write(severity::info, what());
    }

    template <class Text>
    static void trace(int at, Text&& what)
    {
        if (debug_level >= at)
            write(severity::debug, what());
    }

    /// Whatever the threshold: what was asked for in so many words.
    static void write(severity how, std::string const& text);
};

} // namespace exec_port
