#pragma once

#include <execasio/error.hpp>

#include <string>
#include <utility>

namespace exec_port {

/// What `{error, Reason}` says: a text for people, or an atom for programs to match.
class refusal {
public:
    static refusal text(std::string reason) { return refusal(std::move(reason), false); }
    static refusal atom(std::string name) { return refusal(std::move(name), true); }
    static refusal badarg() { return atom("badarg"); }
    /// What the system refused: by the names that applications match on, others in words.
    static refusal because(execasio::error_code ec);

    bool is_atom() const noexcept { return is_atom_; }
    std::string const& reason() const noexcept { return reason_; }

    friend bool operator==(refusal const&, refusal const&) = default;

private:
    refusal(std::string reason, bool is_atom) : reason_(std::move(reason)), is_atom_(is_atom) {}

    std::string reason_;
    bool is_atom_;
};

} // namespace exec_port
