#include "bench/machine.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace execasio_tool::bench {
namespace {

std::string first_line(std::string const& path)
{
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string processor_name()
{
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name"))
            if (auto const colon = line.find(": "); colon != std::string::npos)
                return line.substr(colon + 2);
    return "";
}

std::string const cpu_directory = "/sys/devices/system/cpu/cpu";

double seconds_of(timeval const& t)
{
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

double own_time()
{
    double sum = 0;
    for (auto const whose : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        ::getrusage(whose, &usage);
        sum += seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    }
    return sum;
}

} // namespace

machine_facts read_machine_facts()
{
    machine_facts facts;
    utsname name{};
    ::uname(&name);
    facts.host = name.nodename;
    facts.kernel = std::string(name.sysname) + " " + name.release;
    facts.processor = processor_name();
    facts.cpus = std::thread::hardware_concurrency();
    facts.governor = first_line(cpu_directory + "0/cpufreq/scaling_governor");
    return facts;
}

machine_state read_machine_state()
{
    machine_state state;
    std::istringstream line(first_line("/proc/stat"));
    std::string label;
    double user = 0, nice = 0, system = 0, idle = 0, io = 0, hard = 0, soft = 0, stolen = 0;
    line >> label >> user >> nice >> system >> idle >> io >> hard >> soft >> stolen;
    auto const ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    state.busy = (user + nice + system + hard + soft) / ticks;
    state.stolen = stolen / ticks;
    state.total = state.busy + state.stolen + (idle + io) / ticks;
    state.own = own_time();
    std::istringstream(first_line("/proc/loadavg")) >> state.load;
    for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu) {
        double kilohertz = 0;
        std::istringstream(
            first_line(cpu_directory + std::to_string(cpu) + "/cpufreq/scaling_cur_freq")) >>
            kilohertz;
        if (kilohertz > 0)
            state.megahertz.push_back(kilohertz / 1000);
    }
    return state;
}

disturbance disturbance_between(machine_state const& before, machine_state const& after)
{
    disturbance d;
    double const total = after.total - before.total;
    // The kernel counts in ticks of 10 ms: over a fraction of a second they say nothing.
    if (total < 0.5)
        return d;
    double const own = after.own - before.own;
    d.others = std::clamp((after.busy - before.busy - own) / total, 0.0, 1.0);
    d.stolen = std::clamp((after.stolen - before.stolen) / total, 0.0, 1.0);
    if (!before.megahertz.empty() && !after.megahertz.empty()) {
        double const first = *std::max_element(before.megahertz.begin(), before.megahertz.end());
        double const last = *std::max_element(after.megahertz.begin(), after.megahertz.end());
        d.frequency_change = std::fabs(last - first) / std::max(first, last);
    }
    return d;
}

} // namespace execasio_tool::bench
