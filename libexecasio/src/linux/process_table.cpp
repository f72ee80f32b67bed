// Also part of the guardian's own program: no heap, no C++ run-time library.
#include "linux/process_table.hpp"

#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

struct directory_entry { // linux_dirent64, see getdents64(2)
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};

} // namespace

motion motion_of(process_entry const& e) noexcept
{
    if (e.state == 'T' || e.state == 't')
        return motion::none;
    if (::kill(e.pid, 0) != 0 && errno == EPERM)
        return motion::none;
    return e.state == 'R' || e.state == 'S' ? motion::some : motion::unknown;
}

bool standstill::reached(bool newcomers, motion most) noexcept
{
    calm_ = newcomers || most == motion::some ? 0 : calm_ + 1;
    return calm_ >= (most == motion::unknown ? 5 : 2);
}

process_table::~process_table()
{
    if (entries_)
        ::munmap(entries_, capacity_ * sizeof(process_entry));
}

bool process_table::grow() noexcept
{
    std::size_t const wanted = capacity_ == 0 ? 4096 : capacity_ * 2;
    void* const memory = entries_
                             ? ::mremap(entries_, capacity_ * sizeof(process_entry),
                                        wanted * sizeof(process_entry), MREMAP_MAYMOVE)
                             : ::mmap(nullptr, wanted * sizeof(process_entry),
                                      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    entries_ = static_cast<process_entry*>(memory);
    capacity_ = wanted;
    return true;
}

bool process_table::read() noexcept
{
    size_ = 0;
    int const list = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list < 0)
        return false;
    alignas(directory_entry) char buffer[16 * 1024];
    bool complete = false;
    for (;;) {
        long const bytes = ::syscall(SYS_getdents64, list, buffer, sizeof buffer);
        complete = bytes == 0;
        if (bytes <= 0)
            break;
        for (long at = 0; at < bytes;) {
            auto const* const e = reinterpret_cast<directory_entry const*>(buffer + at);
            at += e->length;
            char const* digits = e->name;
            auto const pid = static_cast<pid_t>(parse_number(digits));
            if (pid == 0 || *digits != '\0')
                continue;
            if (size_ == capacity_ && !grow()) {
                ::close(list);
                errno = ENOMEM;
                return false;
            }
            if (read_process(pid, entries_[size_])) {
                ++size_;
            } else if (int const error = errno; is_shortage(error)) {
                ::close(list);
                errno = error;
                return false;
            }
        }
    }
    ::close(list);
    return complete;
}

process_entry* process_table::find(pid_t pid) noexcept
{
    std::size_t low = 0;
    std::size_t high = size_;
    while (low < high) {
        std::size_t const middle = low + (high - low) / 2;
        if (entries_[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < size_ && entries_[low].pid == pid ? entries_ + low : nullptr;
}

bool process_table::is_marked(pid_t pid) noexcept
{
    process_entry const* const e = pid > 1 ? find(pid) : nullptr;
    return e && e->marked;
}

void process_table::mark_descendants(pid_t spared) noexcept
{
    for (bool found = true; found;) {
        found = false;
        for (process_entry& e : *this) {
            if (e.marked || e.pid == spared || e.pid == 1)
                continue;
            // Who leads a group or session has its number, which nobody else can get meanwhile.
            e.marked = is_marked(e.parent) || is_marked(e.group) || is_marked(e.session);
            found = found || e.marked;
        }
    }
}

} // namespace execasio::sys
