#pragma once

#include "process_state.hpp"

#include <functional>
#include <memory>
#include <set>
#include <utility>

namespace execasio::detail {

/// Processes that have ended, but whose plan goes on: for what they have left of their group or
/// tree, or with a command that has not come to its end.
class pending_rests : public std::enable_shared_from_this<pending_rests> {
public:
    /// @param on_change Called when one of them is through.
    explicit pending_rests(std::function<void()> on_change) : on_change_(std::move(on_change)) {}

    [[nodiscard]] bool empty() const noexcept { return states_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return states_.size(); }

    /// Keeps it as long as a plan of its is under way.
    void add(std::shared_ptr<process_state> const& state)
    {
        exit_event* pending = state->pending_end();
        if (!pending)
            pending = state->pending_command();
        if (!pending) {
            states_.erase(state);
            return;
        }
        states_.insert(state);
        pending->async_receive([weak = weak_from_this(), state](error_code) {
            auto const self = weak.lock();
            if (!self)
                return;
            self->add(state);
            if (self->on_change_)
                self->on_change_();
        });
    }

    /// What is left is killed now, commands of plans included.
    void hurry()
    {
        for (auto const& state : states_)
            state->hurry_rest();
    }

    /// From here on nobody is told.
    void forget() noexcept { on_change_ = nullptr; }

private:
    std::set<std::shared_ptr<process_state>> states_;
    std::function<void()> on_change_;
};

} // namespace execasio::detail
