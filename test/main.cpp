#define BOOST_TEST_MODULE execasio
#include <execasio/exit_engine.hpp>
#include <execasio/spawn.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <string_view>

#include <signal.h>

namespace {

struct same_circumstances {
    same_circumstances()
    {
        // A shell's background job ignores some, and so does what nohup runs.
        for (int const number : {SIGHUP, SIGINT, SIGQUIT})
            ::signal(number, SIG_DFL);
        // The whole suite runs under each exit engine.
        char const* const engine = std::getenv("EXECASIO_TEST_ENGINE");
        if (engine && std::string_view(engine) == "sigchld")
            execasio::use_exit_engine(execasio::exit_engine::sigchld);
        execasio::prepare_spawning(); // what it reserves is no leak of the first test's
    }
};

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(same_circumstances);
