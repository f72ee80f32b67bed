#pragma once

#include <sys/resource.h>

namespace test {

/// As many open files as this program may have, for a time.
class raised_descriptor_limit {
public:
    raised_descriptor_limit()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit raised = before_;
        raised.rlim_cur = raised.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &raised);
    }
    raised_descriptor_limit(raised_descriptor_limit const&) = delete;
    raised_descriptor_limit& operator=(raised_descriptor_limit const&) = delete;
    ~raised_descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

    rlim_t most() const noexcept { return before_.rlim_max; }

private:
    rlimit before_{};
};

} // namespace test
