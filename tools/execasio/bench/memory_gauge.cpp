#include "bench/memory_gauge.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace execasio_tool::bench {
namespace {

constexpr int report_descriptor = 3; // as gauge.cpp has it

struct gauge_report {
    long status;
    rusage usage;
};

/// A pipe for a message that fits into it.
class message_pipe {
public:
    message_pipe()
    {
        if (::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0)
            throw boost::system::system_error(errno, boost::system::system_category(), "pipe");
    }
    message_pipe(message_pipe const&) = delete;
    message_pipe& operator=(message_pipe const&) = delete;
    ~message_pipe()
    {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }

    [[nodiscard]] int writer() const noexcept { return ends_[1]; }
    [[nodiscard]] bool read(void* to, std::size_t size) const noexcept
    {
        return ::read(ends_[0], to, size) == static_cast<ssize_t>(size);
    }

private:
    int ends_[2];
};

bool is_executable(std::string const& path)
{
    return ::access(path.c_str(), X_OK) == 0 && !std::filesystem::is_directory(path);
}

std::string searched(std::string const& name)
{
    if (name.find('/') != std::string::npos)
        return name;
    char const* const path = std::getenv("PATH");
    std::istringstream directories(path ? path : "/bin:/usr/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        std::string const file = (directory.empty() ? "." : directory) + "/" + name;
        if (is_executable(file))
            return file;
    }
    return name;
}

} // namespace

std::optional<std::string> gauge_program()
{
    std::error_code ec;
    auto const here = std::filesystem::read_symlink("/proc/self/exe", ec).parent_path();
    for (auto const& place :
         {here / "execasio-gauge", here.parent_path() / EXECASIO_LIBEXECDIR / "execasio-gauge"})
        if (!ec && is_executable(place.string()))
            return place.string();
    return std::nullopt;
}

asio::awaitable<std::optional<gauged>> run_gauged(launcher& launch, std::string gauge,
                                                  std::vector<std::string> words)
{
    message_pipe const pipe;
    words.front() = searched(words.front());
    words.insert(words.begin(), std::move(gauge));
    execasio::command cmd = launch.measured(std::move(words));
    cmd.descriptor(report_descriptor, pipe.writer());
    execasio::exit_record const how = co_await launch.run_measured(cmd);
    gauge_report r{};
    bool const cause_is_ours = how.cause() != execasio::end_cause::itself;
    if (cause_is_ours || !how.success() || !pipe.read(&r, sizeof r))
        co_return std::nullopt;
    gauged result;
    result.status = static_cast<int>(r.status);
    result.peak_memory = static_cast<std::uint64_t>(r.usage.ru_maxrss) * 1024;
    co_return result;
}

} // namespace execasio_tool::bench
