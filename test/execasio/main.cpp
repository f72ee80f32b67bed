#define BOOST_TEST_MODULE execasio_bench
#include "support/same_signals.hpp"

#include <boost/test/unit_test.hpp>

using test::same_signals;
BOOST_TEST_GLOBAL_FIXTURE(same_signals);
