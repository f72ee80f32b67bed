#pragma once

#include "execasio/exit_record.hpp"

#include <cstddef>

namespace execasio {

/// By what the processes that a stop plan acted on were found.
enum class stop_mechanism {
    process,      ///< the process alone, nobody was looked for
    group,        ///< its process group
    cgroup,       ///< the cgroup that it was born into: nothing escapes
    process_walk, ///< walks through /proc: see docs/trees.md for what may escape
};

char const* to_string(stop_mechanism m) noexcept;

/// What came of a stop plan: the exit record of the process itself, and what there was beside it.
class stop_result : public exit_record {
public:
    stop_result() = default;
    stop_result(exit_record const& record, stop_mechanism mechanism, std::size_t others,
                std::size_t left) noexcept
        : exit_record(record),
          others_(others),
          left_(left),
          mechanism_(mechanism)
    {
    }

    [[nodiscard]] stop_mechanism mechanism() const noexcept { return mechanism_; }

    /// How many other processes were found and signalled. Of a group, which is signalled as a
    /// whole, only those count that were still there a moment after the process itself, or when a
    /// stage was over.
    [[nodiscard]] std::size_t others() const noexcept { return others_; }

    /// How many live on because this program may not signal them: set-user-ID programs, say.
    [[nodiscard]] std::size_t left() const noexcept { return left_; }

private:
    std::size_t others_ = 0;
    std::size_t left_ = 0;
    stop_mechanism mechanism_ = stop_mechanism::process;
};

} // namespace execasio
