#define BOOST_TEST_MODULE exec_port
#include <boost/test/unit_test.hpp>
