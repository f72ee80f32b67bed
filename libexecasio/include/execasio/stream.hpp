#pragma once

#include <string>
#include <utility>

#include <sys/types.h>

namespace execasio {

/// What one of a child's standard streams is connected to. A value; nothing is opened yet.
///
/// Files are opened by the parent, before the child exists (by the child itself if it changes its
/// user), relative to the parent's working
/// directory and close-on-exec: input for reading only, output for writing only. Opening never
/// blocks: a FIFO that nobody reads is ENXIO, one that nobody writes is at its end (open(2)).
class stream {
public:
    // Unscoped, so that `stream::pipe` reads as a value of this class at the place of use.
    enum connection : unsigned char {
        /// The parent's own stream; closed if the parent's is. A closed one's number goes to what
        /// the program opens next, such as its event loop, which the child would then get: a
        /// daemon opens /dev/null in its place first, as daemon(3) does.
        inherit,
        null,  ///< /dev/null
        close, ///< not open at all; few programs expect that
        pipe,  ///< a pipe to the parent: `process::input`, `output`, `error`
        /// A pair of sockets instead (socketpair(2), unix(7)): large amounts go through in about
        /// half the time. Not all programs take it for a pipe: /dev/stdout cannot be opened anew
        /// (ENXIO); who writes to a stream that was given up may get ECONNRESET rather than
        /// SIGPIPE; bash takes a socket as standard input for a remote login's and reads ~/.bashrc.
        /// `capacity` and `input_stream::unread` are 0.
        socket,
    };

    stream(connection c) noexcept : kind_(static_cast<kind>(c)) {} // implicit by intent

    /// An existing file, for standard input.
    static stream read(std::string path);

    /// A file for output, emptied first; created with `mode` (less the umask) when it is missing.
    static stream truncate(std::string path, mode_t mode = 0644);

    /// As `truncate`, but every write goes to the end of the file (O_APPEND).
    static stream append(std::string path, mode_t mode = 0644);

    /// An open descriptor of the parent, which stays the caller's and must be open at the spawn.
    static stream descriptor(int fd) noexcept;

    [[nodiscard]] bool is(connection c) const noexcept { return kind_ == static_cast<kind>(c); }
    [[nodiscard]] bool is_file() const noexcept { return kind_ == kind::file; }
    [[nodiscard]] bool is_descriptor() const noexcept { return kind_ == kind::descriptor; }

    [[nodiscard]] std::string const& path() const noexcept { return path_; } ///< empty if no file
    [[nodiscard]] int open_flags() const noexcept { return flags_; }         ///< for open(2)
    [[nodiscard]] mode_t mode() const noexcept { return mode_; }             ///< for open(2)
    [[nodiscard]] int fd() const noexcept { return fd_; } ///< -1 unless it is a descriptor

private:
    enum class kind : unsigned char { inherit, null, close, pipe, socket, file, descriptor };

    stream(std::string path, int flags, mode_t mode)
        : kind_(kind::file),
          path_(std::move(path)),
          flags_(flags),
          mode_(mode)
    {
    }

    kind kind_;
    std::string path_;
    int flags_ = 0;
    mode_t mode_ = 0;
    int fd_ = -1;
};

} // namespace execasio
