#define BOOST_TEST_MODULE execasio_shortage
#include <boost/test/unit_test.hpp>
