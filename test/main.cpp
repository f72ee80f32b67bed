#define BOOST_TEST_MODULE execasio
#include "support/same_signals.hpp"

#include <execasio/exit_engine.hpp>
#include <execasio/spawn.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <string_view>

namespace {

/// The whole suite runs under each exit engine: EXECASIO_TEST_ENGINE=sigchld chooses the other one.
struct engine_from_environment {
    engine_from_environment()
    {
        char const* const engine = std::getenv("EXECASIO_TEST_ENGINE");
        if (engine && std::string_view(engine) == "sigchld")
            execasio::use_exit_engine(execasio::exit_engine::sigchld);
        execasio::prepare_spawning(); // what it reserves is no leak of the first test's
    }
};

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(engine_from_environment);
using test::same_signals;
BOOST_TEST_GLOBAL_FIXTURE(same_signals);
