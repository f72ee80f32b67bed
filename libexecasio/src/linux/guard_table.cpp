#include "linux/guard_table.hpp"

#include "linux/file_limit.hpp"
#include "linux/last_error.hpp"
#include "linux/unique_fd.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

namespace execasio::sys {
namespace {

// Outlive any process object, static ones included: trivially destructible.
std::mutex& table_mutex()
{
    static auto* const m = new std::mutex;
    return *m;
}
std::atomic<guard_table*> current = nullptr;

// How many forks lie between this program and the first one: a table belongs to who has made it.
std::atomic<unsigned> generation = 0;

} // namespace

/// The table of this program, as long as a guardian or a child uses it.
class guard_table {
public:
    guard_table() : memory(::memfd_create("execasio-guard", MFD_CLOEXEC | MFD_ALLOW_SEALING))
    {
        parents.reserve(guard_area::most_parents);
        void* const at = memory && may_be_as_long(sizeof(guard_area)) &&
                                 ::ftruncate(memory.get(), sizeof(guard_area)) == 0
                             ? ::mmap(nullptr, sizeof(guard_area), PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_NORESERVE, memory.get(), 0)
                             : MAP_FAILED;
        if (at == MAP_FAILED)
            throw boost::system::system_error(last_error(), "guardian");
        area = static_cast<guard_area*>(at);
        seal();
        area->manager = ::getpid();
    }
    guard_table(guard_table const&) = delete;
    guard_table& operator=(guard_table const&) = delete;
    ~guard_table() { ::munmap(area, sizeof(guard_area)); }

    guard_slot* take()
    {
        if (!free.empty()) {
            guard_slot* const slot = free.back();
            free.pop_back();
            return slot;
        }
        if (used == guard_area::most_slots)
            return nullptr;
        if (free.capacity() <= used) // so that giving back cannot fail
            free.reserve(std::max<std::size_t>(64, 2 * std::size_t{used}));
        area->used.store(used + 1, std::memory_order_release);
        return &area->slots[used++];
    }

    /// The number of a directory, which is noted; nothing when there is no room for it.
    std::optional<std::uint32_t> parent(char const* path)
    {
        auto const known = std::find(parents.begin(), parents.end(), path);
        auto const index = static_cast<std::uint32_t>(known - parents.begin());
        if (known != parents.end())
            return index;
        if (index == guard_area::most_parents || std::strlen(path) >= guard_area::path_size)
            return std::nullopt;
        parents.emplace_back(path);
        std::strcpy(area->parent[index], path);
        area->parents.store(index + 1, std::memory_order_release);
        return index;
    }

    [[nodiscard]] bool is_ours() const noexcept
    {
        return made_in == generation.load(std::memory_order_relaxed);
    }

    unsigned made_in = generation.load(std::memory_order_relaxed);
    unique_fd memory;
    guard_area* area = nullptr;
    // What is shared is written here, and not read: the guardian may have less rights than this
    // program, and those who have it in their power must not have this program by that.
    std::uint32_t used = 0;
    std::vector<std::string> parents;
    std::vector<guard_slot*> free;
    std::size_t entries = 0;
    std::size_t guardians = 0;
    std::size_t group_users = 0; // of those

private:
    /// From here on it is written only by this mapping and the copies that children have of it
    /// (memfd_create(2)). Where the kernel cannot (before Linux 5.1), at least its size stays.
    void seal() const noexcept
    {
        constexpr int size = F_SEAL_SHRINK | F_SEAL_GROW;
        if (::fcntl(memory.get(), F_ADD_SEALS, size | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
            ::fcntl(memory.get(), F_ADD_SEALS, size);
    }
};

namespace {

std::uint64_t time_since_boot() noexcept
{
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1000000000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

void destroy_if_unused(guard_table* table) noexcept
{
    if (table->entries == 0 && table->guardians == 0)
        delete table;
}

} // namespace

guard_entry guard_entry::for_birth(bool own_group) noexcept
{
    guard_entry entry;
    if (!current.load(std::memory_order_acquire))
        return entry;
    std::lock_guard const lock(table_mutex());
    guard_table* const table = current.load(std::memory_order_relaxed);
    if (!table)
        return entry;
    try {
        entry.slot_ = table->take();
    } catch (std::bad_alloc const&) {
    }
    if (!entry.slot_)
        return entry;
    entry.table_ = table;
    ++table->entries;
    guard_slot& slot = *entry.slot_;
    slot.pid = 0;
    slot.alive_at = 0;
    slot.flags = own_group ? std::uint32_t{guard_slot::own_group} : 0;
    slot.cgroup = 0;
    slot.tree = 0;
    slot.state.store(guard_slot::in_use, std::memory_order_release);
    return entry;
}

guard_entry guard_entry::for_living(pid_t pid, bool own_group) noexcept
{
    guard_entry entry = for_birth(own_group);
    if (entry) {
        entry.slot_->alive_at = time_since_boot();
        entry.slot_->pid = pid;
    }
    return entry;
}

void guard_entry::cgroup(char const* parent, std::uint32_t number) noexcept
{
    if (!slot_)
        return;
    std::lock_guard const lock(table_mutex());
    try {
        if (auto const index = table_->parent(parent)) {
            slot_->cgroup_parent = *index;
            slot_->cgroup = number;
        }
    } catch (std::bad_alloc const&) { // as one for which there is no room
    }
}

void guard_entry::set(std::uint32_t state) noexcept
{
    if (slot_ && table_->is_ours())
        slot_->state.store(state, std::memory_order_release);
}

void guard_entry::before_reap(guarded_rest rest) noexcept
{
    if (slot_ && table_->is_ours() && rest == guarded_rest::cgroup) {
        slot_->flags &= ~std::uint32_t{guard_slot::own_group};
        slot_->tree = 0;
    }
    set(rest == guarded_rest::nothing ? guard_slot::empty : guard_slot::leader_gone);
}

void guard_entry::release() noexcept
{
    if (!slot_)
        return;
    if (table_->is_ours()) {
        set(guard_slot::empty);
        std::lock_guard const lock(table_mutex());
        table_->free.push_back(slot_);
        --table_->entries;
        destroy_if_unused(table_);
    }
    slot_ = nullptr;
    table_ = nullptr;
}

guard_table_user::guard_table_user()
{
    static bool const forks_watched = [] {
        ::pthread_atfork(nullptr, nullptr, [] {
            ++generation;
            current.store(nullptr, std::memory_order_relaxed);
        });
        return true;
    }();
    static_cast<void>(forks_watched);
    std::lock_guard const lock(table_mutex());
    table_ = current.load(std::memory_order_relaxed);
    if (!table_) {
        table_ = new guard_table;
        current.store(table_, std::memory_order_release);
    }
    ++table_->guardians;
}

guard_table_user::~guard_table_user()
{
    if (!table_->is_ours())
        return;
    std::lock_guard const lock(table_mutex());
    if (has_own_group_ && --table_->group_users == 0)
        table_->area->group_since.store(0, std::memory_order_release);
    if (--table_->guardians == 0)
        current.store(nullptr, std::memory_order_release);
    destroy_if_unused(table_);
}

void guard_table_user::own_group(std::vector<pid_t> const& spared)
{
    if (::getpgrp() != ::getpid())
        throw boost::system::system_error(
            make_error_code(boost::system::errc::operation_not_permitted), "guardian");
    if (spared.size() > guard_area::most_spared)
        throw boost::system::system_error(
            make_error_code(boost::system::errc::argument_list_too_long), "guardian");
    if (!table_->is_ours())
        return;
    std::lock_guard const lock(table_mutex());
    guard_area& area = *table_->area;
    area.group_since.exchange(0); // before what follows: half of it must not be seen
    // What this program itself has started is to end.
    auto const end = std::remove_copy(spared.begin(), spared.end(), area.spared, area.manager);
    area.spared_count = static_cast<std::uint32_t>(end - area.spared);
    area.group_since.store(time_since_boot(), std::memory_order_release);
    if (!std::exchange(has_own_group_, true))
        ++table_->group_users;
}

int guard_table_user::memory() const noexcept
{
    return table_->memory.get();
}

} // namespace execasio::sys
