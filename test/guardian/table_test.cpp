#include "support/conditions.hpp"
#include "support/no_leaks.hpp"
#include "support/run_coroutine.hpp"
#include "support/spawn_puppet.hpp"

#include "linux/guard_slot.hpp"
#include "linux/guard_table.hpp"
#include "linux/process_table.hpp"

#include <execasio/spawn.hpp>
#include <execasio/stop.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace asio = boost::asio;
using execasio::command;
using execasio::process;
using execasio::process_group;
using execasio::sys::guard_area;
using execasio::sys::guard_slot;
using test::run_coroutine;

namespace {

constexpr std::uint64_t second = 1'000'000'000;

std::uint64_t time_since_boot()
{
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * second + static_cast<std::uint64_t>(t.tv_nsec);
}

/// The guardian of a manager that is dead.
/// @param fill Writes the manager's table, which is empty.
void run_guardian(std::function<void(guard_area&)> const& fill)
{
    int const memory = ::memfd_create("table", MFD_CLOEXEC);
    BOOST_REQUIRE(memory >= 0);
    BOOST_REQUIRE(::ftruncate(memory, sizeof(guard_area)) == 0);
    void* const address =
        ::mmap(nullptr, sizeof(guard_area), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    BOOST_REQUIRE(address != MAP_FAILED);
    auto* const area = static_cast<guard_area*>(address);
    area->manager = ::getpid();
    fill(*area);
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ::close(ends[1]); // the manager's end
    std::fflush(nullptr);
    pid_t const pid = ::fork();
    if (pid == 0)
        ::_exit(execasio::sys::guardian_main(memory, ends[0]));
    int status = -1;
    BOOST_TEST(::waitpid(pid, &status, 0) == pid);
    BOOST_TEST(status == 0);
    ::munmap(address, sizeof(guard_area));
    ::close(memory);
    ::close(ends[0]);
}

/// The same of one that had one child, which was alive at that time.
void run_guardian(pid_t child, std::uint64_t alive_at)
{
    run_guardian([&](guard_area& area) {
        area.slots[0].pid = child;
        area.slots[0].alive_at = alive_at;
        area.slots[0].state = guard_slot::in_use;
        area.used = 1;
    });
}

/// The same of one that had led a group of its own, since that time.
void run_guardian_of_group(pid_t manager, std::uint64_t since, pid_t spared = 0)
{
    run_guardian([&](guard_area& area) {
        area.manager = manager;
        area.group_since = since;
        area.spared[0] = spared;
        area.spared_count = spared != 0 ? 1 : 0;
    });
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(guardian_table, test::no_leaks)

BOOST_AUTO_TEST_CASE(a_stranger_with_the_number_of_a_child_is_spared)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::uint64_t const before = time_since_boot() - second; // the kernel's ticks are coarse
        process stranger = co_await test::ready_puppet();
        run_guardian(stranger.id(), before);
        BOOST_TEST(stranger.poll());
        run_guardian(stranger.id(), time_since_boot()); // and the same one, if it is the child
        execasio::exit_record const how = co_await stranger.wait();
        BOOST_TEST(how.signal() == SIGKILL);
    });
}

BOOST_AUTO_TEST_CASE(so_is_his_group)
{
    run_coroutine([]() -> asio::awaitable<void> {
        std::uint64_t const before = time_since_boot() - second;
        auto const ex = co_await asio::this_coro::executor;
        command cmd = test::puppet("pause-forever");
        process leader = execasio::spawn(ex, cmd.group(process_group::create()));
        process member = execasio::spawn(ex, cmd.group(process_group::join(leader.id())));
        run_guardian_of_group(leader.id(), before);
        BOOST_TEST(member.poll());
        run_guardian_of_group(leader.id(), time_since_boot());
        execasio::exit_record const how = co_await member.wait();
        BOOST_TEST(how.signal() == SIGKILL);
        BOOST_TEST(leader.poll()); // that would have been the manager
        co_await execasio::stop(leader);
    });
}

BOOST_AUTO_TEST_CASE(so_is_not_who_has_the_number_of_a_spared_one)
{
    run_coroutine([]() -> asio::awaitable<void> {
        auto const ex = co_await asio::this_coro::executor;
        command cmd = test::puppet("pause-forever");
        process leader = execasio::spawn(ex, cmd.group(process_group::create()));
        std::uint64_t const then = time_since_boot();
        co_await test::until([&] { return time_since_boot() > then + second / 10; }); // some ticks
        process member = execasio::spawn(ex, cmd.group(process_group::join(leader.id())));
        run_guardian_of_group(leader.id(), time_since_boot(), member.id());
        BOOST_TEST(member.poll());
        run_guardian_of_group(leader.id(), then, member.id());
        execasio::exit_record const how = co_await member.wait();
        BOOST_TEST(how.signal() == SIGKILL);
        co_await execasio::stop(leader);
    });
}

/// A parent in vfork(2) is neither stopped nor moving when its child was stopped before exec.
BOOST_AUTO_TEST_CASE(a_family_stands_still_when_nobody_can_move)
{
    using execasio::sys::motion;
    execasio::sys::standstill all;
    BOOST_TEST(!all.reached(true, motion::none));
    BOOST_TEST(!all.reached(false, motion::some));
    BOOST_TEST(!all.reached(false, motion::none)); // it may have missed a child
    BOOST_TEST(all.reached(false, motion::none));

    execasio::sys::standstill unclear;
    int looks = 1;
    while (!unclear.reached(false, motion::unknown))
        ++looks;
    BOOST_TEST(looks == 5);

    std::fflush(nullptr);
    pid_t const parent = ::fork();
    if (parent == 0) { // not vfork(2), which sanitizers replace
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::syscall(SYS_clone, CLONE_VFORK | SIGCHLD, nullptr, nullptr, nullptr, nullptr) == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::pause();
        }
        ::_exit(0);
    }
    // The state alone is not enough: memory, too, is waited for like that.
    execasio::sys::process_entry e;
    pid_t child = 0;
    while (execasio::sys::read_process(parent, e) && e.living && (child == 0 || e.state != 'D')) {
        execasio::sys::process_table table;
        table.read();
        for (auto const& other : table)
            if (other.parent == parent)
                child = other.pid;
        std::this_thread::yield();
    }
    BOOST_TEST((motion_of(e) == motion::unknown));
    BOOST_TEST(child > 0);
    if (child > 0)
        ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(parent, &status, 0);
    BOOST_TEST(execasio::sys::read_process(::getpid(), e));
    BOOST_TEST((motion_of(e) == motion::some));
}

/// The guardian, or who has it in his power, may have less rights than its manager.
BOOST_AUTO_TEST_CASE(the_table_is_only_its_manager_s_to_write)
{
    execasio::sys::guard_table_user const user;
    if ((::fcntl(user.memory(), F_GET_SEALS) & F_SEAL_FUTURE_WRITE) == 0) {
        BOOST_TEST_MESSAGE("skipped: no F_SEAL_FUTURE_WRITE (before Linux 5.1)");
        return;
    }
    void* const seen = ::mmap(nullptr, sizeof(guard_area), PROT_READ, MAP_SHARED, user.memory(), 0);
    BOOST_REQUIRE(seen != MAP_FAILED);
    BOOST_TEST(static_cast<guard_area const*>(seen)->manager == ::getpid());
    BOOST_TEST(::mprotect(seen, sizeof(guard_area), PROT_READ | PROT_WRITE) == -1);
    ::munmap(seen, sizeof(guard_area));
    BOOST_TEST(::mmap(nullptr, sizeof(guard_area), PROT_READ | PROT_WRITE, MAP_SHARED,
                      user.memory(), 0) == MAP_FAILED);
    std::string const link = "/proc/self/fd/" + std::to_string(user.memory());
    int const again = ::open(link.c_str(), O_RDWR | O_CLOEXEC);
    BOOST_TEST(::pwrite(again, "x", 1, 0) == -1);
    BOOST_TEST(::ftruncate(again, 0) == -1);
    ::close(again);
    execasio::sys::guard_entry entry = execasio::sys::guard_entry::for_birth(false);
    BOOST_REQUIRE(entry.slot());
    entry.slot()->pid = 1; // its own mapping can be written
    entry.release();
}

BOOST_AUTO_TEST_SUITE_END()
