#include "linux/terminal_read.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <vector>

using execasio::sys::read_until_hangup;

namespace {

/// Answers of read(2), the last one first; a negative one is EIO.
struct scripted_reads {
    std::vector<ssize_t> answers;

    ssize_t operator()()
    {
        ssize_t const answer = answers.back();
        answers.pop_back();
        errno = answer < 0 ? EIO : 0;
        return answer;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(terminal_read)

// The kernel answers so when the last process writes and ends in the middle of a read: by chance,
// once in 50,000 processes, and only while all processors are busy.
BOOST_AUTO_TEST_CASE(finds_what_was_written_just_before_the_other_side_was_closed)
{
    scripted_reads reads{{5, -1}};
    BOOST_TEST(read_until_hangup([&reads] { return reads(); }) == 5);
    BOOST_TEST(reads.answers.empty());
}

BOOST_AUTO_TEST_CASE(fails_when_there_is_nothing_more)
{
    scripted_reads reads{{-1, -1}};
    BOOST_TEST(read_until_hangup([&reads] { return reads(); }) == -1);
    BOOST_TEST(errno == EIO);
}

BOOST_AUTO_TEST_CASE(reads_once_what_is_there)
{
    scripted_reads reads{{-1, 5}};
    BOOST_TEST(read_until_hangup([&reads] { return reads(); }) == 5);
    BOOST_TEST(reads.answers.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
