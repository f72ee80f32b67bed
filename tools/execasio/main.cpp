#include "subcommand.hpp"

#include <boost/program_options/parsers.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace execasio_tool {
namespace {

constexpr char usage[] = R"(execasio: starts programs and stays in control of them.

  execasio run [OPTION...] [--] COMMAND [ARGUMENT...]
      runs a command, with a time limit and a way to end it, and tells how it ended
  execasio port --program PATH [OPTION...] [--] COMMAND [ARGUMENT...]
      runs a command through a port program (exec-port), as an Erlang VM would
  execasio features
      tells what the kernel offers here, and what is done without it
  execasio bench [OPTION...] COMMAND...
      runs commands again and again and reports time, memory and more, also one against the other
  execasio --version
  execasio SUBCOMMAND --help
)";

/// Those of 0 to 2 that are closed must not be given to something of ours, which messages would
/// then go to and commands would inherit. Opened the wrong way round, so that whoever uses one
/// still fails.
bool hold_standard_descriptors()
{
    for (;;) { // the lowest number that is free
        int const fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd == STDIN_FILENO) {
            int const other = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
            bool const turned = other >= 0 && ::dup3(other, fd, O_CLOEXEC) == fd;
            if (other >= 0)
                ::close(other);
            if (!turned)
                return false;
        } else if (fd > STDERR_FILENO) {
            return ::close(fd) == 0;
        } else if (fd < 0) {
            return false;
        }
    }
}

int dispatch(std::string const& subcommand, std::vector<std::string> const& arguments)
{
    if (subcommand == "run")
        return run_subcommand(arguments);
    if (subcommand == "port")
        return port_subcommand(arguments);
    if (subcommand == "features")
        return features_subcommand(arguments);
    if (subcommand == "bench")
        return bench_subcommand(arguments);
    if (subcommand == "--version") {
        if (!arguments.empty())
            throw std::invalid_argument("takes no arguments");
        std::cout << "execasio " EXECASIO_VERSION "\n";
        return 0;
    }
    if (subcommand == "--help" || subcommand == "-h" || subcommand == "help") {
        std::cout << usage;
        return 0;
    }
    std::cerr << (subcommand.empty() ? "execasio: a subcommand is missing"
                                     : "execasio: there is no subcommand '" + subcommand + "'")
              << "\n\n"
              << usage;
    return exit_code::failed;
}

} // namespace

invocation parse(std::vector<std::string> const& arguments,
                 boost::program_options::options_description const& known)
{
    namespace po = boost::program_options;
    // The command's own options are none of ours: parsing ends where it begins.
    invocation result;
    auto at = arguments.begin();
    while (at != arguments.end() && at->size() > 1 && at->front() == '-' && *at != "--") {
        bool const has_value_inside = at->find('=') != std::string::npos;
        std::string const name = at->substr(0, at->find('='));
        bool const is_long = name.compare(0, 2, "--") == 0;
        auto const* const option =
            is_long ? known.find_nothrow(name.substr(2), false) : known.find_nothrow(name, false);
        ++at;
        bool const wants_value = option && option->semantic()->min_tokens() > 0;
        if (wants_value && !has_value_inside && at != arguments.end())
            ++at;
    }
    po::store(
        po::command_line_parser(std::vector<std::string>(arguments.begin(), at))
            .options(known)
            .style(po::command_line_style::unix_style ^ po::command_line_style::allow_guessing)
            .run(),
        result.options);
    po::notify(result.options);
    if (at != arguments.end() && *at == "--")
        ++at;
    result.command.assign(at, arguments.end());
    return result;
}

} // namespace execasio_tool

int main(int argc, char** argv)
{
    using namespace execasio_tool;
    std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    std::string const subcommand = words.empty() ? "" : words.front();
    if (!words.empty())
        words.erase(words.begin());
    if (!hold_standard_descriptors())
        return exit_code::failed; // there is nowhere to say it
    try {
        int const code = dispatch(subcommand, words);
        if (std::cout.flush())
            return code;
        std::cerr << "execasio " << subcommand << ": the output cannot be written\n";
        return code == 0 ? exit_code::failed : code;
    } catch (std::exception const& e) {
        std::cerr << "execasio " << subcommand << ": " << e.what() << '\n';
        return exit_code::failed;
    }
}
