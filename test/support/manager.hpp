#pragma once

#include <functional>
#include <string>

#include <sys/types.h>

namespace test {

/// A program that starts processes under a guardian and is then killed: a copy of this one.
class manager {
public:
    /// What the body has to say, in the copy.
    class reporter {
    public:
        /// Who guards the copy.
        void tell(pid_t guardian) const;

        /// The same, when all is ready: the copy has nothing to do any more but to be killed.
        [[noreturn]] void tell_and_wait(pid_t guardian) const;

    private:
        friend manager;
        explicit reporter(int fd) : fd_(fd) {}

        int fd_;
    };

    /// @param body Runs in the copy.
    explicit manager(std::function<void(reporter)> const& body);
    manager(manager const&) = delete;
    manager& operator=(manager const&) = delete;
    ~manager();

    /// The guardian's number; blocks until it is told, and fails at a deadline.
    pid_t guardian() const;

    [[nodiscard]] pid_t id() const noexcept { return pid_; } ///< 0 once it is killed

    void kill();

private:
    pid_t pid_ = 0;
    int reader_ = -1;
};

} // namespace test
