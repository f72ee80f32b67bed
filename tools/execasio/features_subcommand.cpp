#include "subcommand.hpp"

#include <execasio/features.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <stdexcept>

namespace execasio_tool {

int features_subcommand(std::vector<std::string> const& arguments)
{
    if (!arguments.empty() && arguments.front() == "--help") {
        std::cout << "execasio features\n\nTries what the library uses of the kernel. What is "
                     "missing is no error: the last column says\nwhat is done instead.\n";
        return 0;
    }
    if (!arguments.empty())
        throw std::invalid_argument("takes no arguments");
    std::vector<execasio::feature> const all = execasio::probe_features();
    std::size_t width = 0;
    for (execasio::feature const& f : all)
        width = std::max(width, f.name.size());
    for (execasio::feature const& f : all) {
        std::cout << std::left << std::setw(static_cast<int>(width) + 2) << f.name << std::setw(6)
                  << f.since;
        if (f.available)
            std::cout << "yes  " << f.used << '\n';
        else
            std::cout << "no   " << f.reason << "; " << f.without << '\n';
    }
    return 0;
}

} // namespace execasio_tool
