#pragma once

#include <utility>

#include <sys/types.h>

namespace execasio::sys {

/// A child that somebody here is going to reap: one that was started, or an orphan whose end is
/// awaited. To be told from the orphans that a subreaper gets, whose end is nobody's business.
/// Does nothing in a program that is no subreaper. Thread safe.
class own_child {
public:
    own_child() noexcept = default;
    explicit own_child(pid_t pid) noexcept;
    own_child(own_child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
    own_child& operator=(own_child&& other) noexcept
    {
        if (this != &other) {
            release();
            pid_ = std::exchange(other.pid_, 0);
        }
        return *this;
    }
    ~own_child() { release(); }

    /// It has been reaped.
    void release() noexcept;

private:
    pid_t pid_ = 0; // 0: none, or not noted; negative: could not be noted
};

/// Lives from before a child is made until it is somebody's `own_child`.
class birth_under_way {
public:
    birth_under_way() noexcept;
    birth_under_way(birth_under_way const&) = delete;
    birth_under_way& operator=(birth_under_way const&) = delete;
    ~birth_under_way();
};

bool has_births_under_way() noexcept;

/// Whether somebody here is going to reap that child. True as well when it cannot be told.
bool is_own_child(pid_t pid) noexcept;

/// Whether a zombie child of this program, whatever it is, is certain to be nobody's here. False as
/// well when it cannot be told yet.
bool is_orphan(pid_t zombie) noexcept;

/// As long as one lives, who loses his parent does not become this program's child.
class no_subreaper {
public:
    no_subreaper() noexcept;
    no_subreaper(no_subreaper const&) = delete;
    no_subreaper& operator=(no_subreaper const&) = delete;
    ~no_subreaper();

private:
    int before_ = 0;
};

/// From now on children are noted.
void begin_noting_children() noexcept;

bool is_subreaper() noexcept;

} // namespace execasio::sys
