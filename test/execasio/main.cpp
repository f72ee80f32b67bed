#define BOOST_TEST_MODULE execasio_bench
#include <boost/test/unit_test.hpp>
