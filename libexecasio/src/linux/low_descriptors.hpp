#pragma once

namespace execasio::sys {

/// Reserves a few low descriptor numbers for what children are to be given.
///
/// A child copies the parent's descriptor table below the highest number that it needs, so a pipe
/// end with the number 10,000 would cost 10,000 copies (and kernel memory for them) at every spawn.
/// Reserved once, as soon as numbers grow; kept to the end of the program. Thread safe.
void reserve_low_descriptors() noexcept;

/// A descriptor under a low number for the time of one launch, if one of the reserved is free;
/// otherwise the descriptor itself. The original stays its owner's.
class low_descriptor {
public:
    explicit low_descriptor(int fd) noexcept;
    low_descriptor(low_descriptor const&) = delete;
    low_descriptor& operator=(low_descriptor const&) = delete;
    low_descriptor(low_descriptor&& other) noexcept;
    low_descriptor& operator=(low_descriptor&&) = delete;
    ~low_descriptor();

    [[nodiscard]] int get() const noexcept { return number_; }

private:
    int number_;
    int slot_ = -1;
};

/// Room for a look at other processes, which takes a few descriptors for a moment: where this
/// program has none left, some of the reserved ones. Whoever else opens something in that moment
/// may get them; the look is as likely to fail then as it was.
class room_for_a_look {
public:
    room_for_a_look() noexcept;
    room_for_a_look(room_for_a_look const&) = delete;
    room_for_a_look& operator=(room_for_a_look const&) = delete;
    ~room_for_a_look();

private:
    bool lent_ = false;
};

} // namespace execasio::sys
