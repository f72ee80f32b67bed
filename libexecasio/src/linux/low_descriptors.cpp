#include "linux/low_descriptors.hpp"

#include "linux/unique_fd.hpp"

#include <array>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

constexpr int low_enough = 32;       // numbers below need no help: copying so few costs nothing
constexpr std::size_t reserved = 16; // five launches with three pipes each at the same time
constexpr std::size_t look = 3;      // a list, what it leads to, and whom that is about

/// The reserved numbers. A number that is not in use is held by a duplicate of one memfd, whose
/// inode nobody else has: so it shows when a program that closed "all descriptors" (a daemon does)
/// has given the number to something else, which must not be overwritten.
class reservation {
public:
    static reservation& instance()
    {
        static reservation r;
        return r;
    }

    void reserve() noexcept
    {
        std::lock_guard const lock(mutex_);
        if (std::exchange(reserved_, true) || !is_worthwhile())
            return;
        int const holder = ::memfd_create("execasio-reserved", MFD_CLOEXEC);
        struct stat s {};
        if (holder < 0 || ::fstat(holder, &s) != 0) {
            unique_fd const closed(holder);
            return; // works without, only slower
        }
        device_ = s.st_dev;
        inode_ = s.st_ino;
        holder_ = holder;
        for (int& slot : slots_)
            slot = ::fcntl(holder, F_DUPFD_CLOEXEC, 3);
    }

    /// @return A slot that now refers to what `fd` does; -1 when none is to be had.
    int take(int fd) noexcept
    {
        std::lock_guard const lock(mutex_);
        for (int& slot : slots_) {
            if (slot < 0 || slot >= fd)
                continue;
            if (!is_ours(slot)) {
                slot = -1;
                continue;
            }
            if (::dup3(fd, slot, O_CLOEXEC) < 0)
                return -1;
            return std::exchange(slot, -1);
        }
        return -1;
    }

    void give_back(int number) noexcept
    {
        std::lock_guard const lock(mutex_);
        if (!is_ours(holder_) || ::dup3(holder_, number, O_CLOEXEC) < 0) {
            ::close(number);
            return;
        }
        for (int& slot : slots_) {
            if (slot < 0) {
                slot = number;
                return;
            }
        }
    }

    void lend() noexcept
    {
        std::lock_guard const lock(mutex_);
        std::size_t count = 0;
        for (int& slot : slots_) {
            if (count == look)
                break;
            if (!is_ours(slot))
                continue;
            ::close(std::exchange(slot, -1));
            ++count;
        }
        lent_ += count;
    }

    /// Those of earlier looks, too, whose numbers may not have been free when these ended.
    void take_back() noexcept
    {
        std::lock_guard const lock(mutex_);
        for (int& slot : slots_) {
            if (lent_ == 0)
                break;
            if (slot >= 0)
                continue;
            slot = is_ours(holder_) ? ::fcntl(holder_, F_DUPFD_CLOEXEC, 3) : -1;
            if (slot < 0)
                break;
            --lent_;
        }
    }

private:
    /// A program that may have few descriptors needs all of them for itself, and no number of
    /// theirs is high.
    static bool is_worthwhile() noexcept
    {
        constexpr rlim_t many = 256;
        rlimit limit{};
        return ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= many;
    }

    [[nodiscard]] bool is_ours(int number) const noexcept
    {
        struct stat s {};
        return number >= 0 && ::fstat(number, &s) == 0 && s.st_dev == device_ && s.st_ino == inode_;
    }

    reservation() { slots_.fill(-1); }

    std::mutex mutex_;
    std::array<int, reserved> slots_{};
    std::size_t lent_ = 0;
    bool reserved_ = false;
    int holder_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace

void reserve_low_descriptors() noexcept
{
    reservation::instance().reserve();
}

low_descriptor::low_descriptor(int fd) noexcept : number_(fd)
{
    if (fd < low_enough)
        return;
    reserve_low_descriptors();
    slot_ = reservation::instance().take(fd);
    if (slot_ >= 0)
        number_ = slot_;
}

low_descriptor::low_descriptor(low_descriptor&& other) noexcept
    : number_(other.number_),
      slot_(std::exchange(other.slot_, -1))
{
}

low_descriptor::~low_descriptor()
{
    if (slot_ >= 0)
        reservation::instance().give_back(slot_);
}

room_for_a_look::room_for_a_look() noexcept
{
    std::array<unique_fd, look> found;
    for (unique_fd& fd : found)
        fd.reset(::eventfd(0, EFD_CLOEXEC));
    lent_ = !found.back();
    if (lent_)
        reservation::instance().lend();
}

room_for_a_look::~room_for_a_look()
{
    if (lent_)
        reservation::instance().take_back();
}

} // namespace execasio::sys
