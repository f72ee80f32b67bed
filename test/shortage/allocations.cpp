// In place of the allocation functions of the whole program, which is why these tests have a
// program of their own: C++'s, and the one of C by which Asio gets the memory of its handlers.
#include "shortage/allocations.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

#include <stdlib.h>

namespace test {
namespace {

thread_local long until_fault = 0; // allocations

bool fails() noexcept
{
    return until_fault > 0 && --until_fault == 0;
}

void* allocate(std::size_t size)
{
    void* const memory = fails() ? nullptr : std::malloc(size != 0 ? size : 1);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

} // namespace

failing_allocation::failing_allocation(long n) noexcept
{
    until_fault = n;
}

failing_allocation::~failing_allocation()
{
    until_fault = 0;
}

bool failing_allocation::happened() noexcept
{
    return until_fault == 0;
}

} // namespace test

void* operator new(std::size_t size)
{
    return test::allocate(size);
}

void* operator new[](std::size_t size)
{
    return test::allocate(size);
}

void operator delete(void* memory) noexcept
{
    std::free(memory);
}

void operator delete[](void* memory) noexcept
{
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

void operator delete[](void* memory, std::size_t) noexcept
{
    std::free(memory);
}

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    void* memory = nullptr;
    if (test::fails() || ::posix_memalign(&memory, alignment, size) != 0)
        return nullptr;
    return memory;
}
