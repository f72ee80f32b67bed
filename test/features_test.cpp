#include "support/filter.hpp"
#include "support/forked.hpp"
#include "support/no_leaks.hpp"

#include <execasio/features.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

using execasio::feature;
using execasio::probe_features;

namespace {

feature find(std::vector<feature> const& all, std::string_view name)
{
    auto const found =
        std::find_if(all.begin(), all.end(), [name](feature const& f) { return f.name == name; });
    test::ensure(found != all.end(), "no feature " + std::string(name));
    return *found;
}

std::string trimmed(std::string const& text)
{
    auto const begin = text.find_first_not_of(' ');
    return begin == std::string::npos ? ""
                                      : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// Name and version of each row of the table in the documentation, in order.
std::vector<std::string> documented()
{
    std::ifstream page(EXECASIO_TEST_DOCS "/platform.md");
    BOOST_REQUIRE(page.good());
    std::vector<std::string> rows;
    bool in_table = false;
    for (std::string line; std::getline(page, line);) {
        bool const header = line.starts_with("| name | since |");
        bool const rule = line.starts_with("| ---");
        in_table = header || (in_table && line.starts_with("|"));
        if (!in_table || header || rule)
            continue;
        std::istringstream cells(line.substr(1));
        std::string name;
        std::string since;
        std::getline(cells, name, '|');
        std::getline(cells, since, '|');
        rows.push_back(trimmed(name) + " " + trimmed(since));
    }
    return rows;
}

/// Whether this kernel's version is as late as "6.9"; distributions take over features, never leave
/// them out.
bool kernel_is_at_least(std::string_view version)
{
    utsname system{};
    ::uname(&system);
    auto const number = [](std::string_view text) {
        std::size_t const dot = text.find('.');
        return std::stoi(std::string(text.substr(0, dot))) * 1000 +
               std::stoi(std::string(text.substr(dot + 1)));
    };
    return number(system.release) >= number(version);
}

sigset_t blocked_signals()
{
    sigset_t set;
    ::sigprocmask(SIG_BLOCK, nullptr, &set);
    return set;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(features, test::no_leaks)

BOOST_AUTO_TEST_CASE(the_documentation_has_the_same_table)
{
    std::vector<std::string> reported;
    for (feature const& f : probe_features())
        reported.push_back(std::string(f.name) + " " + std::string(f.since));
    auto const rows = documented();
    BOOST_TEST(rows == reported, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_says_what_it_is_for_and_why_it_is_missing)
{
    for (feature const& f : probe_features()) {
        BOOST_TEST_INFO(f.name);
        BOOST_TEST((!f.used.empty() && !f.without.empty()));
        BOOST_TEST_INFO(f.name << ": " << f.reason);
        BOOST_TEST(f.available == f.reason.empty());
    }
}

BOOST_AUTO_TEST_CASE(what_needs_no_permission_is_there_if_the_kernel_has_it)
{
    auto const all = probe_features();
    // A container's filter may refuse these, too; then it refuses the first of them.
    if (!find(all, "clone3").available || !find(all, "pidfd_open").available) {
        BOOST_TEST_MESSAGE("skipped: a filter, or an old kernel");
        return;
    }
    for (char const* const name :
         {"clone3", "CLONE_PIDFD", "CLONE_CLEAR_SIGHAND", "CLOSE_RANGE_UNSHARE",
          "CLOSE_RANGE_CLOEXEC", "pidfd_open", "pidfd_send_signal", "waitid(P_PIDFD)",
          "PIDFD_SIGNAL_PROCESS_GROUP", "PIDFD_INFO_EXIT", "RWF_NOSIGNAL", "PR_SET_CHILD_SUBREAPER",
          "ambient capabilities"}) {
        feature const f = find(all, name);
        BOOST_TEST_INFO(name << ": " << f.reason);
        BOOST_TEST(f.available == kernel_is_at_least(f.since));
    }
}

BOOST_AUTO_TEST_CASE(what_a_filter_refuses_is_reported_with_its_reason)
{
    struct refusal {
        std::vector<long> calls;
        std::vector<char const*> features;
    };
    std::vector<refusal> const refusals = {
        {{SYS_clone3}, {"clone3", "CLONE_PIDFD", "CLONE_CLEAR_SIGHAND"}},
        {{SYS_close_range}, {"CLOSE_RANGE_UNSHARE", "CLOSE_RANGE_CLOEXEC"}},
        {{SYS_pidfd_open},
         {"pidfd_open", "pidfd_send_signal", "waitid(P_PIDFD)", "PIDFD_SIGNAL_PROCESS_GROUP"}},
        {{SYS_pidfd_send_signal}, {"pidfd_send_signal", "PIDFD_SIGNAL_PROCESS_GROUP"}},
        {{SYS_pwritev2}, {"RWF_NOSIGNAL"}},
        {{SYS_memfd_create}, {"executable memfd"}},
    };
    for (refusal const& r : refusals) {
        std::string const failure = test::failure_in_fork([&r] {
            std::map<std::string, bool> before;
            for (feature const& f : probe_features())
                before[std::string(f.name)] = f.available;
            test::refuse_system_calls(r.calls, ENOSYS);
            for (feature const& f : probe_features()) {
                std::string const name(f.name);
                bool const refused =
                    std::find(r.features.begin(), r.features.end(), name) != r.features.end();
                if (refused)
                    test::ensure(!f.available && !f.reason.empty(), name + " is not refused");
                // Those that use a refused one on their way may say no as well, others not.
                bool const by_clone = r.calls.front() == SYS_clone3;
                // It is looked for in the cgroups of others, which come and go.
                bool const of_others = name == "cgroup.kill";
                if (!refused && !by_clone && !of_others)
                    test::ensure(f.available == before[name], name + " is refused, too");
            }
        });
        BOOST_TEST(failure == "");
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_changed_by_the_attempts)
{
    // In a process of its own, for what is the process's state and not a descriptor or a child.
    std::string const failure = test::failure_in_fork([] {
        std::size_t const descriptors = test::open_descriptors();
        static volatile sig_atomic_t signals = 0;
        ::signal(SIGCHLD, [](int) { signals = signals + 1; });
        ::signal(SIGPIPE, [](int) { signals = signals + 1; });
        ::signal(SIGUSR1, [](int) {});
        sigset_t const blocked = blocked_signals();
        probe_features();
        test::ensure(signals == 0, "a signal came");
        test::ensure(test::open_descriptors() == descriptors, "a descriptor is left");
        test::ensure(!test::has_children(), "a child is left");
        struct sigaction action {};
        ::sigaction(SIGUSR1, nullptr, &action);
        test::ensure(action.sa_handler != SIG_DFL, "a handler is gone");
        sigset_t const now = blocked_signals();
        for (int number = 1; number < 32; ++number)
            test::ensure(::sigismember(&blocked, number) == ::sigismember(&now, number), "mask");
        int subreaper = 1;
        ::prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
        test::ensure(subreaper == 0, "it has become a subreaper");
    });
    BOOST_TEST(failure == "");
}

BOOST_AUTO_TEST_SUITE_END()
