// The child side of the tests: does what its arguments say, one verb after the other, and tells on
// standard output what it has done, so that tests wait for conditions and not for time.

#include "script.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <unistd.h>

namespace puppet {

std::string script::next()
{
    if (!more())
        die("an argument is missing");
    return words_[at_++];
}

long script::number()
{
    return std::stol(next());
}

void script::skip_to_join()
{
    while (more() && next() != "join")
        continue;
}

void say(std::string const& text)
{
    std::string const line = text + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        std::_Exit(98);
}

void die(std::string const& what)
{
    std::cerr << "puppet: " << what << ": " << std::strerror(errno) << std::endl;
    std::_Exit(99);
}

} // namespace puppet

int main(int argc, char** argv)
{
    puppet::script words(argv[0], {argv + 1, argv + argc});
    while (words.more()) {
        std::string const name = words.next();
        auto* act = static_cast<void (*)(puppet::script&)>(nullptr);
        for (auto const verbs :
             {puppet::output_verbs(), puppet::signal_verbs(), puppet::state_verbs(),
              puppet::family_verbs(), puppet::socket_verbs()})
            for (puppet::verb const& known : verbs)
                if (name == known.name)
                    act = known.act;
        if (!act)
            puppet::die("unknown verb " + name);
        act(words);
    }
    return 0;
}
