#pragma once

#include "execasio/command.hpp"
#include "execasio/error.hpp"
#include "execasio/process.hpp"

#include <boost/process/v2/posix/default_launcher.hpp>

#include <type_traits>
#include <utility>

namespace execasio {

/// Stands in for Boost.Process v2's launcher towards its initializers: hooks written for
/// `posix::default_launcher&` bind to it. They may change `env`; `pid` is set for `on_success`.
/// Nothing of the original's engine runs.
struct initializer_launcher : boost::process::v2::posix::default_launcher {
    using path = boost::process::v2::filesystem::path;
    using arguments = char const* const*;
};

namespace detail {

/// What initializers can have a say in, with their types taken out.
class initializer_hooks {
public:
    using launcher_type = initializer_launcher;
    using path = initializer_launcher::path;
    using arguments = initializer_launcher::arguments;

    virtual error_code setup(launcher_type& launcher, path const& file, arguments& argv) = 0;
    virtual error_code in_child(launcher_type& launcher, path const& file, arguments& argv) = 0;
    virtual void failed(launcher_type& launcher, path const& file, arguments& argv,
                        error_code const& ec) = 0;
    virtual void succeeded(launcher_type& launcher, path const& file, arguments& argv) = 0;

protected:
    ~initializer_hooks() = default;
};

/// Calls those hooks that an initializer has, each if it can be called with Boost.Process's
/// arguments.
template <class Initializer>
class initializer_adapter {
public:
    using path = initializer_launcher::path;
    using arguments = initializer_launcher::arguments;

    static error_code setup(Initializer& i, initializer_launcher& l, path const& f, arguments& a)
    {
        if constexpr (requires { i.on_setup(l, f, a); })
            return i.on_setup(l, f, a);
        else
            return {};
    }
    static error_code in_child(Initializer& i, initializer_launcher& l, path const& f, arguments& a)
    {
        if constexpr (requires { i.on_exec_setup(l, f, a); })
            return i.on_exec_setup(l, f, a);
        else
            return {};
    }
    static void failed(Initializer& i, initializer_launcher& l, path const& f, arguments& a,
                       error_code const& ec)
    {
        if constexpr (requires { i.on_error(l, f, a, ec); })
            i.on_error(l, f, a, ec);
    }
    static void succeeded(Initializer& i, initializer_launcher& l, path const& f, arguments& a)
    {
        if constexpr (requires { i.on_success(l, f, a); })
            i.on_success(l, f, a);
    }
};

/// Several initializers one after the other, in the order in which they were given.
template <class... Initializers>
class initializer_chain;

template <>
class initializer_chain<> : public initializer_hooks {
public:
    error_code setup(launcher_type&, path const&, arguments&) override { return {}; }
    error_code in_child(launcher_type&, path const&, arguments&) override { return {}; }
    void failed(launcher_type&, path const&, arguments&, error_code const&) override {}
    void succeeded(launcher_type&, path const&, arguments&) override {}

protected:
    ~initializer_chain() = default;
};

template <class First, class... Rest>
class initializer_chain<First, Rest...> : public initializer_chain<Rest...> {
public:
    using rest = initializer_chain<Rest...>;
    using adapter = initializer_adapter<First>;
    using launcher_type = initializer_launcher;
    using path = initializer_launcher::path;
    using arguments = initializer_launcher::arguments;

    explicit initializer_chain(First& first, Rest&... others) noexcept
        : rest(others...),
          first_(first)
    {
    }

    error_code setup(launcher_type& l, path const& f, arguments& a) override
    {
        error_code const ec = adapter::setup(first_, l, f, a);
        return ec ? ec : rest::setup(l, f, a);
    }
    error_code in_child(launcher_type& l, path const& f, arguments& a) override
    {
        error_code const ec = adapter::in_child(first_, l, f, a);
        return ec ? ec : rest::in_child(l, f, a);
    }
    void failed(launcher_type& l, path const& f, arguments& a, error_code const& ec) override
    {
        adapter::failed(first_, l, f, a, ec);
        rest::failed(l, f, a, ec);
    }
    void succeeded(launcher_type& l, path const& f, arguments& a) override
    {
        adapter::succeeded(first_, l, f, a);
        rest::succeeded(l, f, a);
    }

private:
    First& first_;
};

/// @throws spawn_error; `stage::initializer` when a hook refused.
process spawn_with_hooks(asio::any_io_executor executor, command const& cmd,
                         initializer_hooks& hooks);

} // namespace detail

/// As `spawn`, and lets Boost.Process v2 initializers (`process_start_dir`, `process_stdio`, the
/// user's own) take part, in their order:
/// - `on_setup(launcher, file, argv)` in the parent, before anything is done; its error, and only
///   that, makes the launch fail here (the original: the same);
/// - `on_exec_setup(launcher, file, argv)` in the child, after everything else and just before
///   exec. It shares the parent's memory: async-signal-safe calls only, nothing that allocates,
///   locks or throws. (Of a command that changes its identity: in a copy, as the new user.) Its
///   error reaches the caller (the original loses it);
/// - `on_success(launcher, file, argv)` or `on_error(launcher, file, argv, ec)` in the parent (the
///   original never calls the latter).
///
/// What `on_setup` makes of `launcher.env` and `argv` is what the program gets. Such a launch
/// copies the parent's whole descriptor table, since a hook may use any of it. `posix::bind_fd` of
/// Boost 1.81 crashes by itself: use `command::descriptor`.
template <class First, class... Rest>
requires(!std::is_same_v<std::remove_cvref_t<First>, error_code>) [[nodiscard]] process
    spawn(asio::any_io_executor executor, command const& cmd, First&& first, Rest&&... rest)
{
    struct chain final : detail::initializer_chain<std::remove_reference_t<First>,
                                                   std::remove_reference_t<Rest>...> {
        using detail::initializer_chain<std::remove_reference_t<First>,
                                        std::remove_reference_t<Rest>...>::initializer_chain;
    } hooks(first, rest...);
    return detail::spawn_with_hooks(std::move(executor), cmd, hooks);
}

} // namespace execasio
