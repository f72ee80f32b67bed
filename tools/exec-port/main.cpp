#include "command_line.hpp"
#include "log.hpp"
#include "port.hpp"
#include "rights.hpp"
#include "user.hpp"

#include <execasio/group.hpp>
#include <execasio/spawn.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace exec_port;

/// The reason not to start, as an exit code; 0 when there is none.
int check_environment(settings const& s)
{
    char const* const given = std::getenv("SHELL");
    std::string const shell = given ? given : "";
    // What a relative path means is up to whoever has started a privileged port.
    bool const is_foreign = ::getauxval(AT_SECURE) != 0 && !shell.starts_with('/');
    if (!shell.empty() && !is_foreign)
        return exit_code::ok;
    if (s.shell && ::access(s.shell->c_str(), X_OK) != 0) {
        log::error("cannot execute the shell of --default-shell, " + *s.shell + ": " +
                   std::strerror(errno));
        return exit_code::refused;
    }
    if (s.shell) {
        log::warning("SHELL is " + (shell.empty() ? "not set" : "no absolute path: " + shell) +
                     ": " + *s.shell + " runs commands");
        return ::setenv("SHELL", s.shell->c_str(), 1) == 0 ? exit_code::ok : exit_code::refused;
    }
    log::error((shell.empty() ? "SHELL is not set"
                              : "SHELL must be an absolute path for a program that has more rights "
                                "than its user, and is " +
                                    shell) +
               ": it names the shell that runs commands, such as SHELL=/bin/sh; or start exec-port "
               "with --default-shell /bin/sh");
    return exit_code::refused;
}

/// From here on messages go where they are wanted.
int open_log(settings const& s)
{
    log::debug_level = s.debug;
    // A privileged port could open a terminal anew that its user has lost to somebody else.
    if (::getauxval(AT_SECURE) == 0)
        log::to_terminal();
    if (s.log_level)
        log::threshold = *s.log_level;
    if (s.wrong) {
        log::error(*s.wrong);
        return exit_code::refused;
    }
    if (s.log == "syslog") {
        log::to_syslog();
    } else if (s.log && ::getauxval(AT_SECURE) != 0) {
        log::error("no --log FILE for a program that has more rights than its user: --log syslog");
        return exit_code::refused;
    } else if (s.log) {
        if (int const error = log::to_file(*s.log); error != 0) {
            log::error("cannot open the log file " + *s.log + ": " + std::strerror(error));
            return exit_code::refused;
        }
    }
    for (std::string const& what : s.ignored)
        log::warning(what);
    return exit_code::ok;
}

/// Not in another's session, as a job of a shell's is: who has a terminal can type into it
/// (TIOCSTI), so that other users' commands could give the shell commands of theirs.
void leave_terminal()
{
    int const fd = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return; // there is none
    ::ioctl(fd, TIOCNOTTY);
    ::close(fd);
}

/// A group of its own, so that a signal for the VM's is none for the port, and all that stays in it
/// can be found at the end.
int lead_group()
{
    // With a session of its own, as the VM's starter gives it to all: in another's the kernel would
    // hang up on the whole group at the port's end, should one in there be stopped just then, and
    // so cut off what the guardian finds descendants by.
    if (::getpgrp() != ::getpid() && ::setsid() < 0 && ::setpgid(0, 0) != 0) {
        log::error(std::string("cannot lead a process group: ") + std::strerror(errno));
        return exit_code::refused;
    }
    if (::getsid(0) != ::getpid())
        leave_terminal();
    return exit_code::ok;
}

/// Numbers 0 to 2 must not be given to something else, which children would then take for theirs.
int open_standard_descriptors()
{
    // The lowest number that is free: those up to 2 are kept. Commands will need it, too.
    for (int fd = 0; fd <= 2;) {
        fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0) {
            log::error(std::string("cannot open /dev/null: ") + std::strerror(errno));
            return exit_code::null_device;
        }
        if (fd > 2)
            ::close(fd);
        else
            ::fcntl(fd, F_SETFD, 0);
    }
    return exit_code::ok;
}

/// The VM's descriptors as they were, for whoever else has them: O_NONBLOCK is the open file's.
class restored_flags {
public:
    explicit restored_flags(int fd)
        : fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 3)),
          flags_(::fcntl(fd, F_GETFL))
    {
    }
    restored_flags(restored_flags const&) = delete;
    restored_flags& operator=(restored_flags const&) = delete;
    ~restored_flags()
    {
        if (fd_ < 0)
            return;
        ::fcntl(fd_, F_SETFL, flags_);
        ::close(fd_);
    }

private:
    int fd_; // a duplicate: the original is closed by then
    int flags_;
};

int input_number(settings const& s) noexcept
{
    return s.numbered_descriptors ? 3 : STDIN_FILENO;
}

int output_number(settings const& s) noexcept
{
    return s.numbered_descriptors ? 4 : STDOUT_FILENO;
}

/// Before anything is opened, which could get the number of one that is missing.
int keep_vms_ends(settings const& s)
{
    for (int const fd : {input_number(s), output_number(s)}) {
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
            log::error("descriptor " + std::to_string(fd) +
                       " is not open: the VM's end is missing");
            return exit_code::refused;
        }
    }
    return exit_code::ok;
}

int serve(settings const& s, rights const& r, std::vector<pid_t> const& others)
{
    try {
        execasio::prepare_spawning();
        restored_flags const in_flags(input_number(s));
        restored_flags const out_flags(output_number(s));
        asio::io_context context(1);
        port p(context, s, r, others);
        return p.run();
    } catch (std::exception const& e) {
        log::error(e.what());
        return exit_code::refused;
    }
}

} // namespace

int main(int argc, char** argv)
{
    settings const s = read_command_line({argv + std::min(argc, 1), argv + argc});
    // Like erlexec's port, not where frames are expected.
    if (s.help) {
        std::cerr << usage();
        return exit_code::ok;
    }
    if (s.version) {
        std::cout << "exec-port " EXECASIO_VERSION "\n";
        return exit_code::ok;
    }
    if (s.who_am_i) {
        std::cerr << user_name(::geteuid()) << '\n';
        return exit_code::ok;
    }
    int code = open_standard_descriptors();
    for (auto* const step : {keep_vms_ends, open_log, check_environment})
        if (code == exit_code::ok)
            code = step(s);
    // Fixed when it is built: whoever starts a privileged port must have no say in it.
    rights r(EXECASIO_POLICY_FILE);
    if (code == exit_code::ok)
        code = r.take_on(s);
    if (code == exit_code::ok)
        code = lead_group();
    if (code != exit_code::ok)
        return code;
    // As whoever started the VM may not have left them.
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN); // a log that is as long as a file may be is no reason to end
    ::signal(SIGCHLD, SIG_DFL); // if the VM's is ignored: no exit status could be learnt
    try {
        // A shell's pipeline, of which this happens to be the first.
        std::vector<pid_t> const others = execasio::group_members(::getpgrp());
        code = serve(s, r, others);
        execasio::kill_group_members(::getpgrp(), others);
        // Orphans are the port's children, and there may be nobody else who reaps them.
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    } catch (boost::system::system_error const& e) {
        log::error(std::string("cannot look at its process group: ") + e.what());
        code = exit_code::refused;
    }
    return code;
}
